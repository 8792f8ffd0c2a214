import { createContext, useContext } from "react";
import type { FlowStep } from "../graph/model";
import type { Readable } from "../graph/parse";
import type { StepType } from "../words";

/** The form of one step: what it says, and how to change it. */
export interface StepForm {
  readable: Readable;
  step: FlowStep;
  fields: Readonly<Record<string, unknown>>;
  /** Another text of the whole workflow. */
  write: (source: string, tag?: string) => void;
  /** Nothing takes the field out. Changes of one field that follow each other at once are taken back together. */
  set: (field: string, value: unknown) => void;
  setSeveral: (fields: Record<string, unknown>) => void;
  /** What the server says about a field, or about anything inside of it. */
  problem: (field: string) => string | undefined;
  /** The same, of the field as a whole. */
  ownProblem: (field: string) => string | undefined;
  /** Puts a new step at the end of a list, by the pointer of the list. */
  add: (type: StepType, list: string) => void;
  variables: readonly string[];
  readOnly: boolean;
  toCode: (field: string) => void;
}

const Context = createContext<StepForm | undefined>(undefined);

export const StepFormProvider = Context.Provider;

export function useStepForm(): StepForm {
  const form = useContext(Context);
  if (!form) {
    throw new Error("a field of a step stands outside of its form");
  }
  return form;
}
