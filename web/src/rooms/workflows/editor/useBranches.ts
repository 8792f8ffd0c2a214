import { addBranch, removeBranch, renameBranch } from "../graph/edits";
import type { StepType } from "../words";
import { useStepForm } from "./formContext";

/** What can be done with the branches of the step whose form is open. */
export function useBranches() {
  const { readable, step, write, add } = useStepForm();
  return {
    fill: (index: number, type: StepType) => {
      const branch = step.branches[index];
      if (branch) {
        add(type, branch.list.pointer);
      }
    },
    add: () => write(addBranch(readable, step)),
    rename: (index: number, name: string) =>
      write(renameBranch(readable, step, index, name), `branch ${index}`),
    remove: (index: number) => write(removeBranch(readable, step, index).source),
  };
}
