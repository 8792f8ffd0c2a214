/**
 * A session that ends while somebody works. A page with something unsaved stays as it is, covered, until the same user is
 * back; every other page is left, and what was read for it is forgotten. A document belongs to one user: for another one it
 * is loaded anew, and no call of the first is made any more. Tabs tell each other who signs in and out.
 */
import type { Query, QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useSyncExternalStore } from "react";
import type { SessionKeeper } from "~/api/client";
import type { Session } from "~/api/types";
import { enterSession, leaveSession, readSession, sessionOptions } from "./session";
import { dropEdits, somethingUnsaved } from "./unsaved";

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
  /** Loads the document again: nothing that runs in this one goes on. */
  anew: () => void;
}

type Tabs = Pick<BroadcastChannel, "postMessage" | "onmessage">;

/** Of what belongs to a user who is not there any more. */
const never = new Promise<never>(() => undefined);

export class SessionWatch implements SessionKeeper {
  readonly #client: QueryClient;
  readonly #tabs: Tabs;
  readonly #ways: Ways;
  readonly #listeners = new Set<() => void>();
  #lost: Lost | undefined;
  /** Calls that go on when the user is back. */
  #waiting: (() => void)[] = [];
  #reading: Promise<Session | null> | undefined;
  /** How often another tab said that it is another one now. */
  #changes = 0;

  constructor(client: QueryClient, tabs: Tabs, ways: Ways) {
    this.#client = client;
    this.#tabs = tabs;
    this.#ways = ways;
    tabs.onmessage = () => {
      // What is being read may be older than that.
      this.#changes += 1;
      this.#reading = undefined;
      void this.#look();
    };
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly lost = (): Lost | undefined => this.#lost;

  readonly owner = (): number | undefined => this.#known()?.user.id;

  readonly ready = async (): Promise<void> => {
    if (this.#lost) {
      await this.#wait();
    }
  };

  readonly ended = async (owner: number | undefined): Promise<boolean> => {
    const back = this.#lost ? await this.#wait() : await this.#look();
    return back && this.owner() === owner;
  };

  /** For the other tabs: somebody signed in or out here. */
  tell(): void {
    this.#tabs.postMessage("changed");
  }

  /** Somebody signed in over the page that was kept. */
  signedIn(session: Session): void {
    const user = this.#lost?.user ?? this.#known()?.user;
    if (user?.id === session.user.id) {
      this.#goOn(session);
    } else if (user && (this.#lost || somethingUnsaved())) {
      this.#set({ user, other: session });
    } else {
      this.#ways.anew();
    }
    this.tell();
  }

  /** Gives up what was kept: for whoever is signed in now, or for the page that signs in. */
  drop(): void {
    dropEdits();
    this.#ways.anew();
  }

  #known(): Session | null | undefined {
    return this.#client.getQueryData(sessionOptions.queryKey);
  }

  async #look(): Promise<boolean> {
    const now = await this.#read();
    const before = this.#known();
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
      this.#ways.anew();
      return never;
    }
    leaveSession(this.#client);
    this.#ways.toSignIn();
    return false;
  }

  /** Once for all who ask meanwhile; nothing when the server cannot be asked. */
  async #read(): Promise<Session | null | undefined> {
    for (;;) {
      const seen = this.#changes;
      this.#reading ??= readSession();
      const reading = this.#reading;
      const now = await reading.catch(() => undefined);
      if (this.#reading === reading) {
        this.#reading = undefined;
      }
      if (seen === this.#changes) {
        return now;
      }
    }
  }

  #goOn(session: Session): void {
    enterSession(this.#client, session);
    if (this.#lost) {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#set(undefined);
      for (const goOn of waiting) {
        goOn();
      }
      // Also what is being read: it may have been asked for as somebody else.
      void this.#client.invalidateQueries({ predicate: isOfUser });
    }
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => this.#waiting.push(() => resolve(true)));
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
