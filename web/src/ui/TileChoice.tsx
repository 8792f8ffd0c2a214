import type { TablerIcon } from "@tabler/icons-react";
import { useId } from "react";
import classes from "./TileChoice.module.css";

export interface Tile<Name extends string> {
  value: Name;
  label: string;
  icon: TablerIcon;
}

interface TileChoiceProps<Name extends string> {
  label: string;
  tiles: Tile<Name>[];
  value: Name;
  onChange: (value: Name) => void;
}

/** One of a handful of things, each with its picture. Radio buttons underneath: arrow keys choose. */
export function TileChoice<Name extends string>({ label, tiles, value, onChange }: TileChoiceProps<Name>) {
  const name = useId();
  return (
    <div className={classes.tiles} role="radiogroup" aria-label={label}>
      {tiles.map(({ value: one, label: text, icon: Icon }) => (
        <label key={one} className={classes.tile} data-chosen={one === value || undefined}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            value={one}
            checked={one === value}
            onChange={() => onChange(one)}
          />
          <Icon size={18} stroke={1.5} aria-hidden />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}
