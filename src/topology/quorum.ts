/** How many of `voters` voting members must agree. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
