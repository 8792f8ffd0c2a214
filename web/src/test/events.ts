import { act } from "@testing-library/react";

/** Stands in for `EventSource`: the test says what the server sends. */
export class Events extends EventTarget {
  static last: Events;
  static readonly CLOSED = 2;
  readyState = 1;
  constructor() {
    super();
    Events.last = this;
  }
  close() {
    this.readyState = Events.CLOSED;
  }
  send(name: string, data: unknown) {
    act(() => void this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) })));
  }
}
