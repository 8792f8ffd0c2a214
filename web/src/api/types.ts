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
export type JobType = Schemas["JobType"];
export type JobResult = Schemas["JobResult"];
export type JobPreview = Schemas["JobPreview"];
export type JobsCreated = Schemas["JobsCreated"];
export type JobState = Schemas["JobState"];
export type Priority = Schemas["Priority"];
export type Language = Schemas["Language"];
export type Attempt = Schemas["Attempt"];
export type JobOutput = Schemas["JobOutput"];
export type Segment = Schemas["Segment"];
export type OutputEvent = Schemas["OutputEvent"];
export type StreamName = Schemas["StreamName"];
export type Command = Schemas["Command"];
export type ScriptPayload = Schemas["Script"];
export type ServiceControl = Schemas["ServiceControl"];
export type ProcessControl = Schemas["ProcessControl"];
export type NetworkDiagnostic = Schemas["NetworkDiagnostic"];
export type NetworkResult = Schemas["NetworkResult"];
export type SoftwareInstall = Schemas["SoftwareInstall"];
export type UserControl = Schemas["UserControl"];
export type GroupControl = Schemas["GroupControl"];
export type HttpRequest = Schemas["HttpRequest"];
export type TlsInfo = Schemas["TlsInfo"];
export type Amount = Schemas["Amount"];
export type Rolling = Schemas["Rolling"];
export type RollingState = Schemas["RollingState"];
export type Concurrency = Schemas["Concurrency"];
export type Execution = Schemas["Execution"];

export type Targets = Schemas["Targets"];
export type HostPreview = Schemas["HostPreview"];
export type TargetPreview = Schemas["TargetPreview"];
export type Group = Schemas["Group"];
export type GroupCreate = Schemas["GroupCreate"];
export type GroupUpdate = Schemas["GroupUpdate"];
export type GroupBlackout = Schemas["GroupBlackout"];
export type BlackoutJobs = Schemas["BlackoutJobs"];

export type SavedScript = Schemas["SavedScript"];
export type ScriptDetail = Schemas["ScriptDetail"];
export type ScriptDefinition = Schemas["ScriptDefinition"];
export type ScriptKind = Schemas["ScriptKind"];
export type ScriptCreate = Schemas["ScriptCreate"];
export type ScriptUpdate = Schemas["ScriptUpdate"];
export type ScriptRun = Schemas["ScriptRun"];
export type ScriptProblem = Schemas["ScriptProblem"];
export type ScriptVersion = Schemas["ScriptVersion"];
export type ScriptVersionLine = Schemas["ScriptVersionLine"];
export type Parameter = Schemas["Parameter"];
export type ParameterType = Schemas["ParameterType"];
export type ParameterValue = Schemas["ParameterValue"];
export type NamedUser = Schemas["NamedUser"];
export type LibraryLink = Schemas["LibraryLink"];

export type SavedAction = Schemas["Action"];
export type ActionDetail = Schemas["ActionDetail"];
export type ActionDefinition = Schemas["ActionDefinition"];
export type ActionWork = Schemas["ActionWork"];
export type ActionCreate = Schemas["ActionCreate"];
export type ActionRun = Schemas["ActionRun"];
export type ActionVersion = Schemas["ActionVersion"];

export type Schedule = Schemas["Schedule"];
export type ScheduleCreate = Schemas["ScheduleCreate"];
export type ScheduleUpdate = Schemas["ScheduleUpdate"];
export type ScheduleDefinition = Schemas["ScheduleDefinition"];
export type ScheduledWork = Schemas["ScheduledWork"];
export type ScheduleTick = Schemas["ScheduleTick"];
export type TickFate = Schemas["TickFate"];
export type Missed = Schemas["Missed"];
export type Overlap = Schemas["Overlap"];
export type BlackoutTick = Schemas["BlackoutTick"];
export type CronTicks = Schemas["CronTicks"];
export type Calendar = Schemas["Calendar"];
export type CalendarCreate = Schemas["CalendarCreate"];
export type CalendarEntry = Schemas["Entry"];
export type Weekday = Schemas["Weekday"];

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
