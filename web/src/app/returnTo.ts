/** Only a path of this site is followed after sign-in; anything else could lead a user elsewhere. */
export function safeReturn(target: string | undefined): string {
  if (!target || !/^\/(?![/\\])/.test(target) || /[\t\n\r]/.test(target) || target.startsWith("/sign-in")) {
    return "/agents";
  }
  return target;
}
