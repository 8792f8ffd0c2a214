/** Short names for the generated types; nothing is declared here that the server does not say. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type AgentCreate = Schemas["AgentCreate"];
export type AgentUpdate = Schemas["AgentUpdate"];
export type AgentEnrollment = Schemas["AgentEnrollment"];
export type Health = Schemas["Health"];
export type Connection = Schemas["Connection"];
export type CredentialState = Schemas["CredentialState"];

export type Job = Schemas["Job"];
export type JobDetail = Schemas["JobDetail"];
export type JobCreate = Schemas["JobCreate"];
export type JobPayload = Schemas["JobPayload"];
export type JobState = Schemas["JobState"];
export type Priority = Schemas["Priority"];
export type Language = Schemas["Language"];
export type Attempt = Schemas["Attempt"];
export type JobOutput = Schemas["JobOutput"];
export type Segment = Schemas["Segment"];
export type OutputEvent = Schemas["OutputEvent"];
export type StreamName = Schemas["StreamName"];

export type Session = Schemas["Session"];
export type SessionCreate = Schemas["SessionCreate"];
export type User = Schemas["User"];
export type UserCreate = Schemas["UserCreate"];
export type UserUpdate = Schemas["UserUpdate"];
export type Binding = Schemas["Binding"];
export type BindingCreate = Schemas["BindingCreate"];
export type Role = Schemas["Role"];
export type RoleDescription = Schemas["RoleDescription"];
export type Scope = Schemas["Scope"];
export type Permission = Schemas["Permission"];
export type Token = Schemas["Token"];
export type TokenCreate = Schemas["TokenCreate"];
export type TokenCreated = Schemas["TokenCreated"];
export type Organization = Schemas["Organization"];
export type OrganizationCreate = Schemas["OrganizationCreate"];
export type OrganizationUpdate = Schemas["OrganizationUpdate"];
export type DepartmentCreate = Schemas["DepartmentCreate"];

export type AuditRecord = Schemas["AuditRecord"];
export type AuditVerification = Schemas["AuditVerification"];

export type Problem = Schemas["Problem"];
export type FieldProblem = Schemas["FieldProblem"];
