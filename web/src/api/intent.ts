import { useRef } from "react";

/**
 * One idempotency key per user intent: the same content sent again (a second click, a retry after a lost answer)
 * carries the same key, changed content or a finished intent a new one.
 */
export class Intent {
  private content: string | undefined;
  private key = "";

  headers(body: unknown): { "Idempotency-Key": string } {
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
