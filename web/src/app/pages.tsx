import { IconMapPinOff } from "@tabler/icons-react";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { LinkButton } from "~/ui/LinkButton";
import { EmptyState, ErrorState } from "~/ui/states";

export function NotFoundPage() {
  return (
    <EmptyState
      icon={IconMapPinOff}
      title="There is no such page"
      action={
        <LinkButton to="/agents" variant="default">
          Go to the agents
        </LinkButton>
      }
    >
      The address is wrong, or what was here is gone.
    </EmptyState>
  );
}

export function RouteErrorPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <ErrorState
      error={error}
      onRetry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}
