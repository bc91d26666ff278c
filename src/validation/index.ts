/* Reports everything that is wrong with the props, all of it at once. The rules are listed in validate-props.ts. */
export { checkProps, checkOtherClusters } from "./check-props";
export { lateValueConditions } from "./late-values";
