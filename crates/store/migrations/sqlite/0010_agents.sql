-- When the agent's check-in numbers last left their window behind: a process of it began.
ALTER TABLE agents ADD COLUMN guard_since_us INTEGER NOT NULL DEFAULT 0;
