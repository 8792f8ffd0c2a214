import type { ComponentProps } from "react";
import { ParameterInputs } from "./ParameterInputs";

interface KeptParameterInputsProps extends ComponentProps<typeof ParameterInputs> {
  /** Names of the secrets that the server has: they may be left empty. */
  kept: string[];
}

/** Parameters of something that was saved with secrets. */
export function KeptParameterInputs({ parameters, kept, ...props }: KeptParameterInputsProps) {
  return (
    <ParameterInputs
      {...props}
      parameters={parameters.map((parameter) =>
        parameter.type === "secret" && kept.includes(parameter.name)
          ? {
              ...parameter,
              required: false,
              description: `${parameter.description ?? ""} Kept; left empty, it stays.`.trim(),
            }
          : parameter,
      )}
    />
  );
}
