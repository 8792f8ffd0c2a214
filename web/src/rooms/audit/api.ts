import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const auditKey = ["audit"] as const;

export const auditList = (query: ListQuery) => answer(api.GET("/api/v1/audit", { params: { query } }));

export const auditVerify = () => answer(api.GET("/api/v1/audit/verification"));
