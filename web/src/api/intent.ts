import { useRef } from "react";

// An interface is no headers of the generated client: it may get more fields elsewhere.
export type IntentHeaders = { "Idempotency-Key": string };

/**
 * One idempotency key per user intent: the same content sent again (a second click, a retry after a lost answer)
 * carries the same key, changed content or a finished intent a new one.
 */
export class Intent {
  private content: string | undefined;
  private key = "";

  headers(body: unknown): IntentHeaders {
    const content = JSON.stringify(body) ?? "";
    if (this.content !== content) {
      this.content = content;
      this.key = crypto.randomUUID();
    }
    return { "Idempotency-Key": this.key };
  }

  done(): void {
    this.content = undefined;
  }
}

export function useIntent(): Intent {
  const intent = useRef<Intent>(null);
  intent.current ??= new Intent();
  return intent.current;
}
