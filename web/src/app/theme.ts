import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** The one accent: dark enough for white text, and no state of a job or an agent has it. */
const petrol: MantineColorsTuple = [
  "#e6f4f5",
  "#cfe7ea",
  "#a0ced4",
  "#6db4bd",
  "#449ea9",
  "#2a8f9c",
  "#177683",
  "#14636e",
  "#10525c",
  "#0a3c44",
];

/** Neutral with a little blue in it, so that dark pages look like slate and not like ink. */
const dark: MantineColorsTuple = [
  "#d5dbe1",
  "#b3bcc6",
  "#93a0ad",
  "#6c7a89",
  "#4a5765",
  "#37424e",
  "#1f2830",
  "#1b222a",
  "#171d24",
  "#10151b",
];

/** Danger, dark enough at its filled shades to carry white text. */
const red: MantineColorsTuple = [
  "#fdeeec",
  "#f9dad7",
  "#f2b3ad",
  "#ea8880",
  "#e2645a",
  "#d5483d",
  "#c5362c",
  "#b3261e",
  "#961d16",
  "#7a140f",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 6 },
  colors: { petrol, dark, red },
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial, sans-serif',
  fontFamilyMonospace:
    '"JetBrains Mono", ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace',
  fontSizes: {
    xs: "0.75rem",
    sm: "0.8125rem",
    md: "0.875rem",
    lg: "1rem",
    xl: "1.125rem",
  },
  spacing: { xs: "0.5rem", sm: "0.75rem", md: "1rem", lg: "1.25rem", xl: "2rem" },
  defaultRadius: "sm",
  radius: { xs: "2px", sm: "4px", md: "6px", lg: "8px", xl: "12px" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.25rem", lineHeight: "1.75rem" },
      h2: { fontSize: "1rem", lineHeight: "1.5rem" },
      h3: { fontSize: "0.875rem", lineHeight: "1.25rem" },
    },
  },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Button: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "sm" } },
    // `react-remove-scroll` writes a <style> element, which the content security policy forbids; the style
    // sheet locks the page behind a dialog instead.
    Modal: {
      defaultProps: {
        closeButtonProps: { "aria-label": "Close" },
        lockScroll: false,
        centered: false,
        yOffset: "8vh",
        transitionProps: { duration: 100 },
      },
    },
    Drawer: {
      defaultProps: {
        closeButtonProps: { "aria-label": "Close" },
        lockScroll: false,
        transitionProps: { duration: 100 },
      },
    },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Tooltip: {
      defaultProps: {
        withArrow: true,
        openDelay: 150,
        multiline: true,
        maw: 320,
        events: { hover: true, focus: true, touch: true },
      },
    },
    Popover: { defaultProps: { shadow: "md" } },
    Menu: { defaultProps: { shadow: "md", position: "bottom-end" } },
  },
});
