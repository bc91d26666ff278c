import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import type { Construct } from "constructs";
import { ensureProvider } from "../stack-provider";

/** The provider of everything in this directory. */
export function ensureTlsProvider(scope: Construct): void {
  ensureProvider(scope, "tls", (stack, id) => new TlsProvider(stack, id));
}
