/* What is wrong with props, all of it at once: the rules are listed in validate-props.ts. */
export { checkProps, checkSharedHosts } from "./check-props";
