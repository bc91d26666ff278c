/** A URL without the user and the password that it may contain. They end at the last `@` before the path. */
export function withoutLogin(url: string): string {
  return url.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/]*@/, "$1");
}
