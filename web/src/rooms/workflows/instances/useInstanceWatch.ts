import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { instanceKey, watchUrl } from "../api";

/** Reads an instance and its history again whenever it is moved. Whether it does: without it they are looked at by time. */
export function useInstanceWatch(id: number): boolean {
  const client = useQueryClient();
  const [live, setLive] = useState(false);
  useEffect(() => {
    const watch = new EventSource(watchUrl(id));
    watch.addEventListener("open", () => setLive(true));
    watch.addEventListener("state", () => {
      void client.invalidateQueries({ queryKey: [...instanceKey, "show", id] });
      void client.invalidateQueries({ queryKey: [...instanceKey, "events", id] });
    });
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
