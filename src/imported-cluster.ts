import { Construct, type IConstruct } from "constructs";

/** An etcd cluster, as its clients see it: one that this program deploys, or one that something else does. */
export interface IEtcdCluster extends IConstruct {
  /** Client URLs of all members, joined by commas: `https://10.4.7.12:2379,…`, as `etcdctl --endpoints` takes them. */
  readonly endpoints: string;

  /** The certificates of all CAs that a client must trust, in PEM. */
  readonly caBundlePem: string;
}

/** What is known of a cluster that something else deploys: another stack, another tool. */
export interface EtcdClusterAttributes {
  /** Client URLs of all members, joined by commas: `https://10.4.7.12:2379,…`. */
  readonly endpoints: string;

  /** The certificates of all CAs that a client must trust, in PEM. */
  readonly caBundlePem: string;
}

/** Attributes alone: nothing is deployed. */
export class ImportedCluster extends Construct implements IEtcdCluster {
  public readonly endpoints: string;
  public readonly caBundlePem: string;

  public constructor(scope: Construct, id: string, attributes: EtcdClusterAttributes) {
    super(scope, id);
    this.endpoints = attributes.endpoints;
    this.caBundlePem = attributes.caBundlePem;
  }
}
