import { Construct, type IConstruct } from "constructs";
import { type Fields, typedProps } from "./validation/types";

/** An etcd cluster as its clients see it, whether this program deploys it or something else does. */
export interface IEtcdCluster extends IConstruct {
  /**
   * The client URLs of all members, joined by commas: `https://10.4.7.12:2379,…`, as `etcdctl --endpoints` expects
   * them.
   */
  readonly endpoints: string;

  /** The certificates of all CAs that a client must trust, in PEM. */
  readonly caBundlePem: string;
}

/** The attributes of a cluster that another stack or another tool deploys. */
export interface EtcdClusterAttributes {
  /** The client URLs of all members, joined by commas: `https://10.4.7.12:2379,…`. */
  readonly endpoints: string;

  /** The certificates of all CAs that a client must trust, in PEM. */
  readonly caBundlePem: string;
}

const ATTRIBUTES: Fields<EtcdClusterAttributes> = { "endpoints!": "text", "caBundlePem!": "text" };

/** A cluster that is known by its attributes only: nothing is deployed. */
export class ImportedCluster extends Construct implements IEtcdCluster {
  public readonly endpoints: string;
  public readonly caBundlePem: string;

  public constructor(scope: Construct, id: string, attributes: EtcdClusterAttributes) {
    super(scope, id);
    const { endpoints, caBundlePem } = typedProps("EtcdCluster", this.node.path, attributes, ATTRIBUTES);
    this.endpoints = endpoints;
    this.caBundlePem = caBundlePem;
  }
}
