import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { instanceKey, watchUrl } from "../api";

/** Reads an instance and its history again whenever it is moved. Whether it does: without it they are looked at by time. */
export function useInstanceWatch(id: number): boolean {
  const client = useQueryClient();
  const [live, setLive] = useState(false);
  useEffect(() => {
    const watch = new EventSource(watchUrl(id));
    const reader = new Reader(client, id);
    watch.addEventListener("open", () => setLive(true));
    watch.addEventListener("state", () => void reader.told());
    watch.addEventListener("end", () => watch.close());
    // The browser connects again by itself, unless the server said no.
    watch.addEventListener("error", () => setLive(false));
    return () => {
      watch.close();
      setLive(false);
    };
  }, [client, id]);
  return live;
}

/** One reading at a time: what is told meanwhile is read after it, however often it was told. */
class Reader {
  readonly #client: QueryClient;
  readonly #keys: readonly (readonly unknown[])[];
  #reading = false;
  #again = false;

  constructor(client: QueryClient, id: number) {
    this.#client = client;
    this.#keys = [
      [...instanceKey, "show", id],
      [...instanceKey, "events", id],
    ];
  }

  async told(): Promise<void> {
    this.#again = true;
    if (this.#reading) {
      return;
    }
    this.#reading = true;
    while (this.#again) {
      this.#again = false;
      await Promise.all(this.#keys.map((key) => this.#read(key)));
    }
    this.#reading = false;
  }

  async #read(queryKey: readonly unknown[]): Promise<void> {
    // An answer to what was asked before may be older than what was told. To read again alone would take the answer to a
    // first question as its own.
    await this.#client.cancelQueries({ queryKey });
    await this.#client.invalidateQueries({ queryKey });
  }
}
