/** What a list or page shows when there is nothing to show: empty, loading, failed. */
import { Alert, Button, Skeleton } from "@mantine/core";
import { IconAlertTriangle, IconRefresh, type TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { asProblem } from "~/api/problem";
import type { FieldProblem, Problem } from "~/api/types";
import classes from "./states.module.css";

interface EmptyStateProps {
  icon?: TablerIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ icon: Icon, title, children, action }: EmptyStateProps) {
  return (
    <div className={classes.state}>
      {Icon && <Icon size={32} stroke={1.25} aria-hidden className={classes.icon} />}
      <p className={classes.title}>{title}</p>
      {children && <p className={classes.text}>{children}</p>}
      {action}
    </div>
  );
}

/** A failed load: what the server said, and another try. */
export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { problem, fields } = asProblem(error);
  return (
    <div className={classes.state} role="alert">
      <IconAlertTriangle size={32} stroke={1.25} aria-hidden className={classes.errorIcon} />
      <p className={classes.title}>{titleOf(problem)}</p>
      {saysMore(problem) && <p className={classes.text}>{problem.detail}</p>}
      {fields.map((field) => (
        <p key={field.field + field.message} className={classes.text}>
          <code>{field.field}</code> {field.message}
        </p>
      ))}
      {onRetry && (
        <Button variant="default" leftSection={<IconRefresh size={15} aria-hidden />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

interface ProblemAlertProps {
  error: unknown;
  omitFields?: string[];
  /** What is said of a field, where the page has other words for it than the request. */
  line?: ((problem: FieldProblem) => ReactNode) | undefined;
}

/** A refused change, inside the form or dialog it belongs to. */
export function ProblemAlert({ error, omitFields = [], line }: ProblemAlertProps) {
  const { problem, fields } = asProblem(error);
  const rest = fields.filter((field) => !omitFields.includes(field.field));
  const wait = problem.retry_after_seconds;
  return (
    <Alert
      color="red"
      variant="light"
      title={titleOf(problem)}
      icon={<IconAlertTriangle aria-hidden />}
      role="alert"
    >
      {saysMore(problem) && problem.detail}
      {wait ? <div>Try again in {wait} s.</div> : null}
      {rest.map((field) => (
        <div key={field.field + field.message}>
          {line?.(field) ?? (
            <>
              <code>{field.field}</code> {field.message}
            </>
          )}
        </div>
      ))}
    </Alert>
  );
}

/** The names of HTTP for what the server says say nothing to people. */
const TITLES: Partial<Record<number, string>> = {
  400: "This was not understood",
  403: "You may not do this",
  404: "It is not there",
  409: "This cannot be done now",
  422: "Something is not right yet",
  429: "Not so fast",
  500: "The server failed",
};

const titleOf = ({ status, title }: Problem): string => TITLES[status] ?? title;

/** The text for all fields together is no news where each is told by itself. */
function saysMore({ detail, errors = [] }: Problem): boolean {
  return (
    errors.length === 0 || detail !== errors.map(({ field, message }) => `${field}: ${message}`).join("; ")
  );
}

/** Shown above rows that are still there while reading them again fails. */
export function StaleBanner({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { problem } = asProblem(error);
  return (
    <div className={classes.stale} role="status">
      <IconAlertTriangle size={15} aria-hidden />
      <span>
        Not up to date: {titleOf(problem)}. {problem.detail}
      </span>
      <Button variant="subtle" size="compact-xs" onClick={onRetry}>
        Try again
      </Button>
    </div>
  );
}

export function LoadingLines({ lines = 6 }: { lines?: number }) {
  return (
    <div className={classes.lines} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <Skeleton key={index} height={14} width={`${92 - ((index * 17) % 45)}%`} />
      ))}
    </div>
  );
}
