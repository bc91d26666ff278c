import { LocalProvider } from "@cdktf/provider-local/lib/provider";
import { NullProvider } from "@cdktf/provider-null/lib/provider";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { EtcdCluster } from "../../src/etcd-cluster";
import { RUNBOOK } from "../support/settings";
import { synth } from "../support/synth";

const cluster = (stack: ConstructorParameters<typeof EtcdCluster>[0], id: string, name: string, address: string) =>
  new EtcdCluster(stack, id, { ...RUNBOOK, members: [{ name, address }] });

test("the first cluster adds the three providers, and further clusters add none", () => {
  const json = synth((stack) => {
    cluster(stack, "main", "main-1", "10.4.7.1");
    cluster(stack, "events", "events-1", "10.4.7.2");
  });
  expect(json.provider).toEqual({ local: [{}], null: [{}], tls: [{}] });
});

test("a cluster adds no provider that the program already has", () => {
  const json = synth((stack) => {
    new TlsProvider(stack, "own-tls", { proxy: [{ fromEnv: true }] });
    new NullProvider(stack, "own-null");
    new LocalProvider(stack, "own-local");
    cluster(stack, "etcd", "a", "10.4.7.1");
  });
  expect(json.provider).toEqual({ local: [{}], null: [{}], tls: [{ proxy: [{ from_env: true }] }] });
});

test("a program may add its own providers after a cluster, also under plain ids", () => {
  const json = synth((stack) => {
    cluster(stack, "etcd", "a", "10.4.7.1");
    new TlsProvider(stack, "tls-provider", { proxy: [{ fromEnv: true }] });
    new NullProvider(stack, "null-provider");
    new LocalProvider(stack, "local-provider");
  });
  expect(json.provider).toEqual({ local: [{}], null: [{}], tls: [{ proxy: [{ from_env: true }] }] });
});
