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
import { whenSignedOut } from "./api/client";
import { createQueryClient } from "./api/query";
import { createAppRouter } from "./app/router";
import { leaveSession } from "./app/session";
import { theme } from "./app/theme";

const queryClient = createQueryClient();
const router = createAppRouter(queryClient);

whenSignedOut(() => {
  const here = router.state.location;
  if (here.pathname === "/sign-in") {
    return;
  }
  leaveSession(queryClient);
  void router.navigate({ to: "/sign-in", search: { return: here.href, ended: "1" } });
});

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
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
