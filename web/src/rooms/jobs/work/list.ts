/** What the lists of fields are written with. */
import { type Field, textOf, type Values } from "./fields";

type Keys<T> = T extends T ? keyof T & string : never;
/** Fields whose names are the payload's own; a name that the API does not know does not compile. */
export const fields = <T>(list: Field<Keys<T>>[]): readonly Field[] => list as readonly Field[];
/** The field with this name has one of these values. */
export const is =
  (name: string, ...wanted: string[]) =>
  (values: Values) =>
    wanted.includes(textOf(values, name));
export const choices = (labels: Record<string, string>) =>
  Object.entries(labels).map(([value, label]) => ({ value, label }));
