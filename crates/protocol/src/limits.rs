//! Bounds that both sides hold (design 6.6).

/// Kept per attempt and stream: this much from the start and as much from the end.
pub const OUTPUT_HEAD_BYTES: u64 = 512 * 1024;
pub const OUTPUT_TAIL_BYTES: u64 = 512 * 1024;
/// Largest single piece of output in a message, before base64.
pub const OUTPUT_CHUNK_BYTES: usize = 64 * 1024;
/// Largest sum of pieces in one message, before base64.
pub const OUTPUT_MESSAGE_BYTES: usize = 1024 * 1024;
/// Largest body of an agent's request that the server reads.
pub const AGENT_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Largest answer of the server that an agent reads.
pub const ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Orders in one answer.
pub const ORDERS_PER_ANSWER: usize = 16;
/// All of them together, as they are sent. A single order that is larger comes alone.
pub const ORDER_BYTES_PER_ANSWER: usize = 8 * 1024 * 1024;
/// Largest payload of a job, as it is sent: JSON as text within JSON. More than requests of 4 MiB can give, and with
/// its secrets far below [`ANSWER_BYTES`]; placeholders that repeat a value can make more.
pub const PAYLOAD_BYTES: usize = 16 * 1024 * 1024;
/// Attempts an agent may hold at once, waiting for acknowledgement included.
pub const HELD_ATTEMPTS: usize = 1024;
/// Largest script.
pub const SCRIPT_BYTES: usize = 1024 * 1024;
/// Arguments of a command: how many, and how long all together (the kernel's own bound is near 2 MiB).
pub const COMMAND_ARGUMENTS: usize = 1024;
pub const COMMAND_VARIABLES: usize = 100;
pub const COMMAND_BYTES: usize = 128 * 1024;
/// Parameters of a script: how many, and how long one value may be (the kernel takes 128 KiB per variable).
pub const PARAMETERS: usize = 256;
pub const PARAMETER_BYTES: usize = 64 * 1024;
/// Secrets of a job: all their values together.
pub const SECRETS_BYTES: usize = 256 * 1024;
/// Largest structured result of a job, as JSON.
pub const RESULT_BYTES: usize = 512 * 1024;
/// Names of services, packages (and versions) and processes.
pub const SERVICE_BYTES: usize = 256;
pub const PACKAGE_BYTES: usize = 256;
pub const PROCESS_NAME_BYTES: usize = 256;
/// Packages of one job.
pub const PACKAGES: usize = 100;
/// Users or groups named in one job.
pub const ACCOUNTS: usize = 100;
/// Echo requests, hops, ports and seconds of waiting of one network diagnostic.
pub const PING_COUNT: u32 = 100;
pub const TRACE_HOPS: u32 = 64;
pub const PORTS: usize = 100;
pub const DIAGNOSTIC_SECONDS: u32 = 60;
/// An HTTP request from an agent.
pub const HTTP_URL_BYTES: usize = 8 * 1024;
pub const HTTP_HEADERS: usize = 100;
/// Name of a header, and of a secret that becomes one.
pub const HTTP_NAME_BYTES: usize = 256;
pub const HTTP_BODY_BYTES: usize = 1024 * 1024;
pub const HTTP_ANSWER_BYTES: u32 = 1024 * 1024;
pub const HTTP_REDIRECTS: u32 = 10;
/// Longest reason or message from an agent that is kept.
pub const REASON_BYTES: usize = 2 * 1024;
/// How long the server holds a check-in that has nothing to say, before jitter.
pub const POLL_SECONDS: u64 = 20;
/// How far an agent's clock may differ in a proof.
pub const PROOF_SKEW_SECONDS: i64 = 60;
/// Lifetime of an agent credential.
pub const CREDENTIAL_SECONDS: i64 = 365 * 24 * 3600;
/// An agent renews its credential this long before its end.
pub const RENEW_AHEAD_SECONDS: i64 = 30 * 24 * 3600;
/// Lifetime of an enrolment token.
pub const ENROLLMENT_TOKEN_SECONDS: i64 = 3600;
