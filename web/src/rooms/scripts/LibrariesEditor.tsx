import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Language } from "~/api/types";
import { moved } from "~/ui/list";
import { librariesOptions } from "./api";
import { type LibraryDraft, newLibrary } from "./definition";
import { RowButtons } from "./ParametersEditor";
import classes from "./ScriptPage.module.css";
import { versionsDown } from "./versions";

interface LibrariesEditorProps {
  libraries: LibraryDraft[];
  language: Language;
  onChange: (libraries: LibraryDraft[]) => void;
  error: string | undefined;
}

/** Libraries in the order in which they are put before the script. */
export function LibrariesEditor({ libraries, language, onChange, error }: LibrariesEditorProps) {
  const { data: known = [] } = useQuery(librariesOptions(language));
  const free = known.filter(({ name, id }) => !libraries.some((link) => isLink(link, name, id)));
  return (
    <div className={classes.rows}>
      <p className="dim">
        Put before the code in this order. Only libraries of the same language can be linked.
      </p>
      {libraries.map((link, index) => {
        const library = known.find(({ name, id }) => isLink(link, name, id));
        const called = library?.name ?? link.library;
        return (
          <fieldset key={link.id} className={classes.row} aria-label={`Library ${called}`}>
            <div className={classes.rowFields}>
              <span className={classes.libraryName}>
                {index + 1}. {called}
              </span>
              <NativeSelect
                size="xs"
                aria-label={`Version of ${called}`}
                value={link.version}
                data={[
                  { value: "", label: library ? `Newest (now ${library.version})` : "Newest" },
                  ...versionsDown(library?.version ?? (Number(link.version) || 0)).map((version) => ({
                    value: String(version),
                    label: `Version ${version}`,
                  })),
                ]}
                onChange={(event) => {
                  const version = event.currentTarget.value;
                  onChange(libraries.map((other) => (other.id === link.id ? { ...other, version } : other)));
                }}
              />
            </div>
            <RowButtons
              called={called}
              first={index === 0}
              last={index === libraries.length - 1}
              onMove={(step) => onChange(moved(libraries, index, step))}
              onRemove={() => onChange(libraries.filter((other) => other.id !== link.id))}
            />
          </fieldset>
        );
      })}
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
      <NativeSelect
        size="xs"
        w={280}
        aria-label="Add a library"
        value=""
        disabled={free.length === 0}
        data={[
          { value: "", label: free.length === 0 ? "There is no other library" : "Add a library…" },
          ...free.map(({ name }) => ({ value: name, label: name })),
        ]}
        onChange={(event) => {
          const name = event.currentTarget.value;
          if (name !== "") {
            onChange([...libraries, newLibrary(name)]);
          }
        }}
      />
    </div>
  );
}

/** A link names a library by name or by number. */
const isLink = (link: LibraryDraft, name: string, id: number) =>
  link.library === name || link.library === String(id);
