/**
 * A session that ends while somebody works. A page with something unsaved stays as it is, covered, until the same user is
 * back; every other page is left, and what was read for it is forgotten. Tabs tell each other who signs in and out.
 */
import type { Query, QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Session } from "~/api/types";
import { enterSession, leaveSession, readSession, sessionOptions } from "./session";
import { somethingUnsaved } from "./unsaved";

export interface Lost {
  /** Whose work is kept. */
  user: Session["user"];
  /** Who is signed in in this browser instead. */
  other: Session | undefined;
}

interface Ways {
  /** Away from the page, whatever it wants to keep. */
  toSignIn: () => void;
  /** To where somebody wanted to go who is signed in now. */
  toPage: () => void;
}

type Tabs = Pick<BroadcastChannel, "postMessage" | "onmessage">;

export class SessionWatch {
  readonly #client: QueryClient;
  readonly #tabs: Tabs;
  readonly #ways: Ways;
  readonly #listeners = new Set<() => void>();
  #lost: Lost | undefined;
  /** Calls that go on when the user is back. */
  #waiting: ((back: boolean) => void)[] = [];
  #reading: Promise<Session | null> | undefined;

  constructor(client: QueryClient, tabs: Tabs, ways: Ways) {
    this.#client = client;
    this.#tabs = tabs;
    this.#ways = ways;
    tabs.onmessage = () => void this.#look();
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly lost = (): Lost | undefined => this.#lost;

  /** A call was refused because of the session. Gives whether to make it again: as late as somebody signs in. */
  readonly ended = (): Promise<boolean> => (this.#lost ? this.#wait() : this.#look());

  /** For the other tabs: somebody signed in or out here. */
  tell(): void {
    this.#tabs.postMessage("changed");
  }

  /** Somebody signed in over the page that was kept. */
  signedIn(session: Session): void {
    if (this.#lost && this.#lost.user.id !== session.user.id) {
      this.#set({ ...this.#lost, other: session });
    } else {
      this.#goOn(session);
    }
    this.tell();
  }

  /** Gives up what was kept: for whoever is signed in now, or for the page that signs in. */
  drop(): void {
    const other = this.#lost?.other;
    this.#end(false);
    if (other) {
      this.#become(other);
    } else {
      this.#leave();
    }
  }

  async #look(): Promise<boolean> {
    const now = await this.#read();
    const before = this.#client.getQueryData(sessionOptions.queryKey);
    if (now === undefined) {
      return false;
    }
    if (!before) {
      if (now) {
        enterSession(this.#client, now);
        this.#ways.toPage();
      }
      return false;
    }
    if (now?.user.id === before.user.id) {
      this.#goOn(now);
      return true;
    }
    if (this.#lost || somethingUnsaved()) {
      this.#set({ user: before.user, other: now ?? undefined });
      return this.#wait();
    }
    if (now) {
      this.#become(now);
    } else {
      this.#leave();
    }
    return false;
  }

  /** Once for all who ask meanwhile; nothing when the server cannot be asked. */
  async #read(): Promise<Session | null | undefined> {
    this.#reading ??= readSession().finally(() => {
      this.#reading = undefined;
    });
    try {
      return await this.#reading;
    } catch {
      return undefined;
    }
  }

  #goOn(session: Session): void {
    enterSession(this.#client, session);
    if (this.#lost) {
      this.#end(true);
      void this.#client.invalidateQueries({ predicate: isOfUser }, { cancelRefetch: false });
    }
  }

  #become(session: Session): void {
    enterSession(this.#client, session);
    void this.#client.resetQueries({ predicate: isOfUser });
  }

  #leave(): void {
    leaveSession(this.#client);
    this.#ways.toSignIn();
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #end(back: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#set(undefined);
    for (const resolve of waiting) {
      resolve(back);
    }
  }

  #set(lost: Lost | undefined): void {
    this.#lost = lost;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

const isOfUser = ({ queryKey }: Query): boolean => queryKey[0] !== sessionOptions.queryKey[0];

const Context = createContext<SessionWatch | undefined>(undefined);

export const SessionWatchProvider = Context.Provider;

export function useSessionWatch(): SessionWatch {
  const watch = useContext(Context);
  if (!watch) {
    throw new Error("nobody watches the session here");
  }
  return watch;
}

/** What is kept for somebody whose session has ended. */
export function useLost(): Lost | undefined {
  const watch = useSessionWatch();
  return useSyncExternalStore(watch.subscribe, watch.lost);
}
