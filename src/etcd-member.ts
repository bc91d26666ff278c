import { type ITerraformDependable, Lazy, TerraformLocal, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import type { LeafCertificate } from "./pki/leaf-certificate";
import { archive } from "./provision/archive";
import { bootstrap } from "./provision/bootstrap";
import type { Genesis } from "./provision/genesis";
import type { HostResource } from "./provision/host-resource";
import { memberFacts, secretArchiveUrl } from "./provision/member-facts";
import { MemberHost } from "./provision/member-host";
import { operatorPath } from "./provision/operator-path";
import type { Payload } from "./provision/payload";
import { preflight } from "./provision/preflight";
import { renderedFile } from "./provision/rendered-file";
import { resourceAddress } from "./provision/resource-address";
import { rollout } from "./provision/rollout";
import { stage } from "./provision/stage";
import { type StagedData, stagedData } from "./provision/staged-data";
import { textDigest } from "./provision/text-digest";
import { reloadsLeaf } from "./release/leaf-reload";
import { type EtcdFlag, etcdFlags } from "./render/etcd-flags";
import { renderProgramIni } from "./render/program-ini";
import { renderStartupScript, restartRelevant } from "./render/startup-script";
import { escapeTerraform, escapeValues } from "./render/terraform-escape";
import type { ClusterSettings, MemberSettings } from "./settings";
import { initialCluster } from "./topology/initial-cluster";

/** Input of `EtcdMember`: the member, and what it shares with the other members of its cluster. */
export interface EtcdMemberOptions {
  /** Path of the cluster's construct. */
  readonly path: string;
  readonly cluster: ClusterSettings;
  readonly member: MemberSettings;
  /** The certificates of all CAs that the members trust, in PEM. */
  readonly caPem: string;
  readonly caSha256: string;
  /** The certificate of the CA that signs the leaf certificates, in PEM. */
  readonly authorityPem: string;
  readonly certificate: LeafCertificate;
  /** The host scripts, or a reference to them. */
  readonly scripts: string;
  readonly etcdctlEnv: Payload["etcdctlEnv"];
  readonly etcdctlEnvSha256: string;
  /** The directory of the rendered files, relative to the directory in which Terraform runs. */
  readonly directory: string;
}

/** One member on one host: what is rendered for it, and the phases of its deploy. */
export class EtcdMember extends Construct {
  public readonly host: MemberHost;
  private readonly payload: Payload;
  private readonly restartTriggers: { [name: string]: string };
  private readonly staged: StagedData;

  public constructor(
    scope: Construct,
    id: string,
    private readonly options: EtcdMemberOptions,
  ) {
    super(scope, id);
    const { cluster, member, directory } = options;

    const resources = {
      archive: this.address("archive"),
      stage: this.address("stage"),
      rollout: this.address("rollout"),
    };
    const facts = memberFacts(options.path, cluster, member, resources);
    this.host = new MemberHost(
      member,
      new TerraformLocal(this, "facts", escapeTerraform(facts)).asString,
      options.scripts,
    );

    const flags = etcdFlags(cluster, member);
    const startupScript = renderStartupScript(cluster, member, flags);
    const supervisorIni = renderProgramIni(cluster, member);
    const startupSha256 = textDigest(this, "startup-text", startupScript);
    const supervisorSha256 = textDigest(this, "ini-text", supervisorIni);

    this.payload = {
      caPem: options.caPem,
      authorityPem: options.authorityPem,
      certificatePem: options.certificate.certPem,
      privateKeyPem: options.certificate.privateKeyPem,
      secretArchiveUrl: secretArchiveUrl(cluster),
      startupScript: renderedFile(
        this,
        "startup-script",
        `${directory}/${member.name}/etcd-server-startup.sh`,
        startupScript,
        "0755",
      ),
      supervisorIni: renderedFile(
        this,
        "supervisor-ini",
        `${directory}/${member.name}/${cluster.supervisorIni}.ini`,
        supervisorIni,
      ),
      etcdctlEnv: options.etcdctlEnv,
      triggers: {
        // By this path, the host records which cluster its member belongs to.
        cluster: options.path,
        ...escapeValues(installTriggers(cluster, member)),
        ca_sha256: options.caSha256,
        certificate_sha256: options.certificate.certSha256,
        startup_script_sha256: startupSha256,
        supervisor_ini_sha256: supervisorSha256,
        etcdctl_env_sha256: options.etcdctlEnvSha256,
        reprovision: String(member.reprovision),
      },
    };
    const restartSha256 = textDigest(this, "restart-text", restartRelevant(startupScript));
    this.staged = stagedData(this.payload, restartSha256, supervisorSha256);
    this.restartTriggers = {
      ...escapeValues(flagTriggers(flags)),
      version: cluster.version,
      ca_sha256: options.caSha256,
      startup_script_sha256: restartSha256,
      supervisor_ini_sha256: supervisorSha256,
      reprovision: String(member.reprovision),
      ...(reloadsLeaf(cluster.version) ? {} : { certificate_sha256: options.certificate.certSha256 }),
    };
  }

  /** The Terraform address of a phase's resource, which does not exist yet; empty if it is never created. */
  private address(phase: string): string {
    return Lazy.stringValue({
      produce: () => {
        const resource = this.node.tryFindChild(phase);
        return TerraformResource.isTerraformResource(resource) ? resourceAddress(resource) : "";
      },
    });
  }

  public preflight(): HostResource {
    const { members } = this.options.cluster;
    const reprovisions = members.filter(({ reprovision }) => reprovision > 0);
    return preflight(
      this,
      this.host,
      this.payload,
      initialCluster(members),
      reprovisions.map(({ name, reprovision }) => `${name}=${reprovision}`).join(","),
    );
  }

  /**
   * @param owner The member's id in this Terraform state.
   * @param after The membership, and through it the preflights of all members; and the shutdown.
   */
  public stage(genesis: Genesis, owner: string, after: ITerraformDependable[]): HostResource {
    const archivePath = this.options.cluster.release._archivePath;
    const pushed =
      archivePath === undefined
        ? []
        : [
            archive(
              this,
              this.host,
              this.payload,
              genesis,
              owner,
              escapeTerraform(operatorPath(this, archivePath)),
              after,
            ),
          ];
    return stage(this, this.host, this.payload, genesis, owner, [...after, ...pushed]);
  }

  /** @param stages The stages of all members. */
  public bootstrap(membership: HostResource, genesis: Genesis, stages: HostResource[]): HostResource {
    return bootstrap(this, this.host, this.staged, membership, genesis, stages);
  }

  /** @param after What must be complete before this member may be disturbed. */
  public rollout(membership: HostResource, genesis: Genesis, after: HostResource[]): HostResource {
    return rollout(this, this.host, this.restartTriggers, this.staged, membership, genesis, after);
  }
}

/** The values that decide what is installed, where, and for which user. */
function installTriggers(cluster: ClusterSettings, member: MemberSettings): { [name: string]: string } {
  const { amd64, arm64 } = cluster.release._digests(cluster.version);
  return {
    // The version of the rules for who owns the files on a host. Increase it to make the next deploy of each member
    // correct the owners (`takeover.sh`).
    layout: "2",
    version: cluster.version,
    archive_sha256: [amd64, arm64].filter(Boolean).join(" "),
    address: member.address,
    install_root: cluster.installRoot,
    data_dir: cluster.dataDir,
    log_dir: cluster.logDir,
    supervisor_ini: cluster.supervisorIni,
    user: cluster.user,
  };
}

/** `quota-backend-bytes` → `flag.quota_backend_bytes`: the plan names the flag that forces a restart. */
function flagTriggers(flags: EtcdFlag[]): { [name: string]: string } {
  return Object.fromEntries(flags.map(([flag, value]) => [`flag.${flag.replace(/-/g, "_")}`, value]));
}
