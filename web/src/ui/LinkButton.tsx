import { Button } from "@mantine/core";
import { createLink } from "@tanstack/react-router";

/** A link that looks like a button: for going somewhere, not for changing something. */
export const LinkButton = createLink(Button);
