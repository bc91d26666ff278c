import { LocalProvider } from "@cdktf/provider-local/lib/provider";
import { NullProvider } from "@cdktf/provider-null/lib/provider";
import type { Construct } from "constructs";
import { ensureProvider } from "../stack-provider";

/** Adds the providers that everything in this directory uses. */
export function ensureHostProviders(scope: Construct): void {
  ensureProvider(scope, "null", (stack, id) => new NullProvider(stack, id));
  ensureProvider(scope, "local", (stack, id) => new LocalProvider(stack, id));
}
