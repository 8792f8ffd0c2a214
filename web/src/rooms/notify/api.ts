import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const webhookKey = ["webhooks"] as const;
export const deliveryKey = ["deliveries"] as const;

export const webhookList = (query: ListQuery) => answer(api.GET("/api/v1/webhooks", { params: { query } }));

export const deliveryList = (query: ListQuery) =>
  answer(api.GET("/api/v1/deliveries", { params: { query } }));

const REFRESH_MS = 2_000;

/** Read again until it has arrived. A dead one may be sent again by somebody else, which is no hurry. */
export const deliveryOptions = (id: number) =>
  queryOptions({
    queryKey: [...deliveryKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/deliveries/{id}", { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data?.state === "waiting" ? REFRESH_MS : false),
  });

/** More of them are not counted: nobody reads the number any more. */
export const COUNTED = 99;
const COUNT_MS = 10_000;

/** How many messages were given up. */
export const deadOptions = queryOptions({
  queryKey: [...deliveryKey, "dead"],
  queryFn: async () => (await deliveryList({ limit: COUNTED + 1, filter: ["state:dead"] })).items.length,
  refetchInterval: COUNT_MS,
});

export const mailOptions = queryOptions({
  queryKey: ["mail"],
  queryFn: () => answer(api.GET("/api/v1/mail")),
  staleTime: 10_000,
});
