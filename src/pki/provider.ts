import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import type { Construct } from "constructs";
import { ensureProvider } from "../stack-provider";

/** Adds the provider that everything in this directory uses. */
export function ensureTlsProvider(scope: Construct): void {
  ensureProvider(scope, "tls", (stack, id) => new TlsProvider(stack, id));
}
