import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Delivery } from "~/api/types";
import { useMissing } from "~/app/session";
import { toastDone, toastProblem } from "~/ui/toast";
import { deliveryKey } from "./api";
import { resendReason } from "./rules";

/** A message once more: now, instead of later or never. */
export function useResend() {
  const missing = useMissing();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: ({ id }: Delivery) =>
      answer(api.POST("/api/v1/deliveries/{id}/retry", { params: { path: { id } } })),
    onSuccess: ({ recipient }) => toastDone(`It is on its way to ${recipient} again`),
    onError: (error) => toastProblem("It is not sent again", error),
    onSettled: () => client.invalidateQueries({ queryKey: deliveryKey }),
  });
  return {
    pending: retry.isPending,
    reason: (delivery: Pick<Delivery, "state">) => resendReason(delivery, missing),
    send: (delivery: Delivery) => retry.mutate(delivery),
  };
}
