import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "virtual:mantine-variables.css";
import "./app/tokens.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { keepSession } from "./api/client";
import { createQueryClient } from "./api/query";
import { createAppRouter } from "./app/router";
import { SessionWatch, SessionWatchProvider } from "./app/sessionWatch";
import { theme } from "./app/theme";
import { watchForms } from "./app/unsaved";

const queryClient = createQueryClient();
const router = createAppRouter(queryClient);
const sessionWatch = new SessionWatch(queryClient, new BroadcastChannel("postern-session"), {
  toSignIn: () => {
    const { href, pathname } = router.state.location;
    if (pathname !== "/sign-in") {
      void router.navigate({
        to: "/sign-in",
        search: { return: href, ended: "1" },
        // Whoever is not signed in has nothing to save.
        ignoreBlocker: true,
      });
    }
  },
  toPage: () => void router.invalidate(),
  anew: () => window.location.reload(),
});
keepSession(sessionWatch);
watchForms();

const container = document.getElementById("root");
if (!container) {
  throw new Error("index.html has no #root");
}
createRoot(container).render(
  <StrictMode>
    {/* Variables and classes come from the style sheet: the content security policy allows no style elements. */}
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <SessionWatchProvider value={sessionWatch}>
          <RouterProvider router={router} />
        </SessionWatchProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
