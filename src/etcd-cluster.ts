import { type ITerraformDependable, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { checkId } from "./construct-id";
import { checkFramework, requireJson } from "./framework";
import {
  type ClientCertificateOptions,
  DEFAULT_EARLY_RENEWAL_HOURS,
  DEFAULT_LEAF_VALIDITY_HOURS,
} from "./pki/certificate-options";
import {
  type ClusterSettings,
  DEFAULT_OPERATOR_COMMON_NAME,
  type EtcdClusterProps,
  type OperatorCredentialsOptions,
} from "./settings";
import { EtcdMember } from "./etcd-member";
import { type EtcdClusterAttributes, type IEtcdCluster, ImportedCluster } from "./imported-cluster";
import type { CertificateAuthority } from "./pki/certificate-authority";
import { CertificateProfile } from "./pki/certificate-profile";
import { clusterAuthorities } from "./pki/cluster-authorities";
import type { LeafCertificate } from "./pki/leaf-certificate";
import { peerCertificates } from "./pki/peer-certificates";
import { trustBundle, trustBundleSha256 } from "./pki/trust-bundle";
import type { Bootstrap } from "./provision/bootstrap";
import { Decommission } from "./provision/decommission";
import { Dismissal } from "./provision/dismissal";
import { Genesis } from "./provision/genesis";
import { Health, type HealthMember } from "./provision/health";
import { Membership } from "./provision/membership";
import { OperatorCredentials } from "./provision/operator-credentials";
import type { MembersRemoval } from "./provision/members-removal";
import type { Preflight, PreflightRequirements } from "./provision/preflight";
import { withOperatorPaths } from "./provision/operator-path";
import { requireHostScripts } from "./provision/host-scripts";
import { ensureHostProviders } from "./provision/providers";
import { RenderedFile } from "./provision/rendered-file";
import { restoreIdentity } from "./provision/restore-facts";
import type { RestorePhase } from "./provision/restore-phase";
import type { Rollout } from "./provision/rollout";
import { SharedScripts } from "./provision/shared-scripts";
import { ClusterShutdown, Shutdown } from "./provision/shutdown";
import { textDigest } from "./provision/text-digest";
import { renderEtcdctlEnv } from "./render/etcdctl-env";
import { escapeTerraform } from "./render/terraform-escape";
import { installedFiles, PEER_CERTIFICATE_FILES } from "./render/layout";
import { endpoints } from "./topology/endpoints";
import { initialCluster } from "./topology/initial-cluster";
import { checkProps, checkOtherClusters, lateValueConditions } from "./validation";

/** The attributes of one member that the rest of a program may need. */
export interface EtcdClusterMember {
  /** IP address (IPv4, or IPv6 without brackets) or DNS name. */
  readonly address: string;

  /** The URL for the other members: `https://10.4.7.12:2380`. */
  readonly peerUrl: string;

  /** The URL for clients: `https://10.4.7.12:2379`. */
  readonly clientUrl: string;

  /**
   * The certificate that the member presents to clients and to peers. With `sharedPeerCertificate`, all members have
   * the same one.
   */
  readonly certificate: LeafCertificate;
}

/**
 * A TLS-secured etcd cluster on plain Linux hosts that Terraform reaches over SSH. supervisor keeps etcd running.
 *
 * A resource with `dependsOn: [cluster]` waits until all members are healthy. When everything is destroyed, it goes
 * before the members stop, unless the stack has several clusters without `machinesInStack`.
 *
 * @throws Error that lists every problem with the props at once, each with the value, the limit and the fix.
 */
export class EtcdCluster extends Construct implements IEtcdCluster, ITerraformDependable {
  /**
   * References a cluster that is deployed elsewhere, for constructs that take an `IEtcdCluster`. Nothing is deployed
   * for it.
   *
   * @param scope The scope of the construct.
   * @param id The id of the construct in that scope.
   * @param attributes What is known about the cluster.
   */
  public static fromAttributes(scope: Construct, id: string, attributes: EtcdClusterAttributes): IEtcdCluster {
    return new ImportedCluster(scope, id, attributes);
  }

  /**
   * Makes the next deploy stop and unregister the members of a stack's last cluster after you have removed that cluster
   * from the program. Call this method in the stack in place of the cluster: if no part of this package is left in a
   * stack, Terraform stops nothing. You do not need it while the stack still has another cluster.
   *
   * @param scope The stack, or a construct in it.
   */
  public static stopRemovedClusters(scope: Construct): void {
    checkFramework(scope);
    requireJson(scope);
    requireHostScripts(scope);
    ensureHostProviders(scope);
    Shutdown.of(scope);
  }

  /**
   * The client URLs of all members, joined by commas: `https://10.4.7.12:2379,…`, as `etcdctl --endpoints` expects
   * them.
   */
  public readonly endpoints: string;

  /** The members, by name. */
  public readonly members: { [name: string]: EtcdClusterMember };

  /**
   * The certificates of all CAs that the members trust, in PEM. A client must trust all of them: while the CA is being
   * changed there are several, and `certificateAuthority` alone is not enough.
   */
  public readonly caBundlePem: string;

  /** The CA that signed the members' certificates. */
  public readonly certificateAuthority: CertificateAuthority;

  /**
   * The time at which each member's certificate ends (RFC 3339), by member name; useful for outputs. A deploy inside
   * the early renewal window issues a new certificate.
   */
  public readonly certificateEnds: { [member: string]: string };

  private readonly settings: ClusterSettings;
  private readonly health: Health;

  /**
   * @param scope The stack, or a construct in it.
   * @param id Id of the cluster in its scope.
   * @param props The configuration of the cluster.
   */
  constructor(scope: Construct, id: string, props: EtcdClusterProps) {
    super(scope, id);
    checkId(this);
    requireJson(this);
    requireHostScripts(this);
    const checked = checkProps(this, props);
    const { certificates: options, dependsOn = [], operatorCredentials } = checked.props;
    this.settings = withOperatorPaths(this, checked.settings);
    checkOtherClusters(this, checked.props, this.settings);
    ensureHostProviders(this);
    const { signing, trusted } = clusterAuthorities(this, options);
    const certificates = peerCertificates(childScope(this, "peer"), signing, this.settings.members, options);
    this.certificateAuthority = signing;
    this.caBundlePem = trustBundle(trusted);
    this.certificateEnds = Object.fromEntries(
      Object.entries(certificates).map(([member, { validityEndTime }]) => [member, validityEndTime]),
    );
    this.endpoints = endpoints(this.settings.members);
    this.members = Object.fromEntries(
      this.settings.members.map(({ name, address, peerUrl, clientUrl }) => [
        name,
        { address, peerUrl, clientUrl, certificate: certificates[name] },
      ]),
    );

    this.health = this.deploy(this.renderMembers(certificates, trusted), {
      after: dependsOn,
      conditions: lateValueConditions({ props: checked.props, settings: this.settings }),
    });
    if (operatorCredentials) this.writeOperatorCredentials(operatorCredentials);
  }

  /**
   * The address in Terraform of the last step of a deploy, after which all members are healthy: what a resource with
   * `dependsOn: [cluster]` waits for.
   */
  public get fqn(): string {
    return this.health.fqn;
  }

  /**
   * Issues a client certificate for a user of the cluster: an API server, an application, a person.
   *
   * @param id Id of the certificate in this cluster.
   * @param options The contents of the certificate.
   */
  public issueClientCertificate(id: string, options: ClientCertificateOptions): LeafCertificate {
    return this.certificateAuthority.issue(childScope(this, "client"), id, {
      ...options,
      profile: CertificateProfile.CLIENT,
    });
  }

  /**
   * The order of a deploy.
   *
   * @param requirements What must be complete, and what must hold, before any host is looked at.
   */
  private deploy(members: readonly EtcdMember[], requirements: PreflightRequirements): Health {
    const { settings } = this;

    // All hosts are checked before any host is changed.
    const preflights = members.map((member) => member.preflight(requirements));
    const { removal, requiredByStages, completeWith } = settings.machinesInStack
      ? this.removalBeforeMachines(preflights)
      : this.removalAtTheEnd(preflights);
    const membership = new Membership(this, "membership", {
      initialCluster: initialCluster(settings.members),
      removal,
      stopsLast: !settings.machinesInStack,
    });
    const genesis = new Genesis(this, "genesis", {
      members: settings.members,
      membership,
      restore: settings.restore && escapeTerraform(restoreIdentity(settings.restore)),
    });

    // No other resource may complete while the stages run: whenever one completes, Terraform writes its state, in which
    // the resources whose provisioners are still running look complete (ADR 8).
    const stages = members.map((member, i) =>
      member.stage(genesis, removal.owner(settings.members[i]), [membership, requiredByStages]),
    );
    // A restore: the data are ready on all hosts before anything is stopped on any of them.
    const offers = members.flatMap((member) => member.offer(genesis, stages));
    const restores = members.flatMap((member) => member.restore(genesis, [...stages, ...offers]));
    const ready = members.flatMap((member) => member.ready(genesis, restores));
    const bootstraps = members.map((member) => member.bootstrap(genesis, [...stages, ...ready]));

    // One member at a time: each one waits for the previous one, and one that fails stops the later ones.
    let admitted: readonly (Bootstrap | RestorePhase)[] = bootstraps;
    for (const member of members) admitted = member.admit(genesis, admitted);
    const deployed: HealthMember[] = [];
    let before: readonly (Bootstrap | RestorePhase | Rollout)[] = admitted;
    for (const [i, member] of members.entries()) {
      // A member that was dismissed joins again, even if nothing else has changed.
      const dismissal = settings.machinesInStack ? removal.owner(settings.members[i]) : undefined;
      const rollout = member.rollout(genesis, before, dismissal);
      deployed.push({ name: member.node.id, rollout, stage: stages[i], leafSha256: member.leafSha256 });
      before = [rollout];
    }

    const [{ host }] = members;
    const health = new Health(this, "health", { host, membership, genesis, members: deployed });
    completeWith(health);
    return health;
  }

  /** A member that has left the program is stopped last, and so is a cluster. */
  private removalAtTheEnd(preflights: readonly Preflight[]): Removal {
    const { settings } = this;
    const { path } = this.node;
    const removal = new Decommission(this, "decommission", path, settings, [...preflights]);
    const shutdown = Shutdown.of(this);
    return {
      removal,
      requiredByStages: shutdown.requiredByStages(removal),
      completeWith: (health) => shutdown.add({ path, settings, decommission: removal, health }),
    };
  }

  /** A member is taken out of the cluster before its machine goes (ADR 17). */
  private removalBeforeMachines(preflights: readonly Preflight[]): Removal {
    const { settings } = this;
    const { path } = this.node;
    const removal = new Dismissal(this, "dismissal", path, settings, [...preflights]);
    const shutdown = new ClusterShutdown(this, "shutdown", path, settings, removal);
    return { removal, requiredByStages: shutdown, completeWith: (health) => shutdown.completeWith(health) };
  }

  /**
   * The operator's credentials are written last: the previous ones remain the right ones until the whole cluster has
   * changed.
   */
  private writeOperatorCredentials(options: OperatorCredentialsOptions): void {
    const { directory, commonName = DEFAULT_OPERATOR_COMMON_NAME } = options;
    const certificate = this.issueClientCertificate("operator", {
      commonName,
      ...validityWithin(this.certificateAuthority),
    });
    const content = {
      directory,
      cluster: this.settings,
      caPem: this.caBundlePem,
      certificatePem: certificate.certPem,
      privateKeyPem: certificate.privateKeyPem,
    };
    new OperatorCredentials(this, "operator-credentials", content, [this.health]);
  }

  private renderMembers(
    certificates: { [member: string]: LeafCertificate },
    trusted: readonly CertificateAuthority[],
  ): EtcdMember[] {
    const cluster = this.settings;
    const directory = this.node.path.slice(TerraformStack.of(this).node.path.length + 1);
    const tools = installedFiles(cluster.installRoot).directory;
    const etcdctlEnv = renderEtcdctlEnv(cluster, `${tools}/certs`, PEER_CERTIFICATE_FILES, tools);
    const shared = {
      path: this.node.path,
      cluster,
      directory,
      caPem: this.caBundlePem,
      caSha256: trustBundleSha256(trusted),
      authorityPem: this.certificateAuthority.certPem,
      scripts: SharedScripts.of(this).hostScripts,
      etcdctlEnv: new RenderedFile(this, "etcdctl-env", { path: `${directory}/etcdctl.env`, text: etcdctlEnv }),
      etcdctlEnvSha256: textDigest(this, "etcdctl-env-text", etcdctlEnv),
    };
    const scope = childScope(this, "member");
    return cluster.members.map(
      (member) => new EtcdMember(scope, member.name, { ...shared, member, certificate: certificates[member.name] }),
    );
  }
}

/** How members leave the cluster, as the order of a deploy needs to know it. */
interface Removal {
  readonly removal: MembersRemoval;
  readonly requiredByStages: ITerraformDependable;
  readonly completeWith: (health: Health) => void;
}

/**
 * A separate scope for names that the user chooses, so that they cannot collide with the ids that this construct uses.
 */
function childScope(scope: Construct, id: string): Construct {
  return (scope.node.tryFindChild(id) as Construct | undefined) ?? new Construct(scope, id);
}

/**
 * The validity of a certificate for which the program sets none: the default, or the CA's validity if that is shorter.
 */
function validityWithin({ _validityHours: hours }: CertificateAuthority): Partial<ClientCertificateOptions> {
  if (hours === undefined || hours >= DEFAULT_LEAF_VALIDITY_HOURS) return {};
  return { validityHours: hours, earlyRenewalHours: Math.min(DEFAULT_EARLY_RENEWAL_HOURS, Math.floor(hours / 3)) };
}
