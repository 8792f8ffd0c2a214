/** Words and first lines of scripts. */
import type { Language, ScriptKind } from "~/api/types";

export const KIND: Record<ScriptKind, { label: string }> = {
  script: { label: "Script" },
  library: { label: "Library" },
};

/** What a new script starts with: it stops at the first thing that fails. */
export const FIRST_LINES: Record<Language, string> = {
  bash: "#!/bin/bash\nset -euo pipefail\n\n",
  python: "#!/usr/bin/env python3\n\n",
  powershell: "$ErrorActionPreference = 'Stop'\n\n",
};

/** Of the server: see limits in its manual. */
export const CONTENT_BYTES = 1_048_576;

export const contentBytes = (content: string): number => new TextEncoder().encode(content).length;
