import { type ITerraformDependable, Lazy, TerraformLocal, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import type { LeafCertificate } from "./pki/leaf-certificate";
import { Archive } from "./provision/archive";
import { secretArchiveUrl } from "./provision/archive-url";
import { Bootstrap } from "./provision/bootstrap";
import type { Genesis } from "./provision/genesis";
import type { StagedData } from "./provision/host-scripts";
import { memberFacts } from "./provision/member-facts";
import { MemberHost } from "./provision/member-host";
import { operatorPath } from "./provision/operator-path";
import type { Payload } from "./provision/payload";
import { Preflight, type PreflightRequirements } from "./provision/preflight";
import { RenderedFile } from "./provision/rendered-file";
import { resourceAddress } from "./provision/resource-address";
import { restoreIdentity } from "./provision/restore-facts";
import { RestorePhase, type RestorePhaseProps } from "./provision/restore-phase";
import { Rollout } from "./provision/rollout";
import { SideProgram } from "./provision/side-program";
import { Stage } from "./provision/stage";
import { stagedData } from "./provision/staged-data";
import { textDigest } from "./provision/text-digest";
import { reloadsLeaf } from "./release/leaf-reload";
import { type EtcdFlag, etcdFlags } from "./render/etcd-flags";
import { renderProgramIni } from "./render/program-ini";
import { renderBackupEnv, renderDefragmentationEnv, type Side } from "./render/side-program";
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
  /** The cluster's directory below `etcd/`, for its rendered files. */
  readonly directory: string;
}

/** One member on one host: what is rendered for it, and the phases of its deploy. */
export class EtcdMember extends Construct {
  public readonly host: MemberHost;
  private readonly payload: Payload;
  private readonly rolloutTriggers: { [name: string]: string };
  private readonly staged: StagedData;

  public constructor(
    scope: Construct,
    id: string,
    private readonly options: EtcdMemberOptions,
  ) {
    super(scope, id);
    this.host = this.describeHost();
    const rendered = this.render();
    this.payload = this.payloadOf(rendered);
    this.staged = stagedData(this.payload, rendered.restartSha256, rendered.supervisorSha256);
    this.rolloutTriggers = this.rolloutTriggersOf(rendered);
  }

  /** Digest of the leaf certificate that the member serves after a deploy. */
  public get leafSha256(): string {
    return this.staged.LEAF_SHA256;
  }

  /** Checks the host. All later phases wait for the preflights, and so for what these require. */
  public preflight(requirements: PreflightRequirements): Preflight {
    const { host, payload } = this;
    const { members } = this.options.cluster;
    const reprovisions = members.filter(({ reprovision }) => reprovision !== 0);
    const machines = members.flatMap(({ name, machine }) => (machine === undefined ? [] : [`${name}=${machine}`]));
    return new Preflight(this, "preflight", {
      host,
      payload,
      initialCluster: initialCluster(members),
      reprovisions: reprovisions.map(({ name, reprovision }) => `${name}=${reprovision}`).join(","),
      machines: machines.length > 0 ? escapeTerraform(machines.join(",")) : undefined,
      requirements,
    });
  }

  /**
   * Installs everything beside what is running.
   *
   * @param owner The member's id in this Terraform state.
   * @param after The membership, and through it the preflights of all members; and the shutdown.
   */
  public stage(genesis: Genesis, owner: string, after: ITerraformDependable[]): Stage {
    const { host, payload } = this;
    const pushed = this.pushArchive(genesis, owner, after);
    return new Stage(this, "stage", { host, payload, genesis, owner, after: [...after, ...pushed] });
  }

  /**
   * Offers a snapshot to the other members' hosts, if the program restores one that is on this member's host.
   *
   * @param stages The stages of all members.
   */
  public offer(genesis: Genesis, stages: readonly Stage[]): RestorePhase[] {
    const { host, staged } = this;
    if (this.options.cluster.restore?.source.member !== this.options.member.name) return [];
    const provisioners = [host.run("offer", { ...staged, ...genesis.founding })];
    return this.restorePhase("offer", { genesis, provisioners, after: stages });
  }

  /**
   * Brings the snapshot to the host, verifies it, and makes the member's data from it, beside those in use, if the
   * program restores one. Nothing is stopped on any host before this has succeeded on all of them.
   *
   * @param after The stages of all members; and the offer, if a host has the snapshot.
   */
  public restore(genesis: Genesis, after: readonly (Stage | RestorePhase)[]): RestorePhase[] {
    const { host, staged } = this;
    const { cluster, member } = this.options;
    if (cluster.restore === undefined) return [];
    const { member: source, path = "" } = cluster.restore.source;
    const upload =
      source === undefined
        ? [
            host.run("open_inbox", {}),
            host.upload("snapshot.db", { source: escapeTerraform(operatorPath(this, path)) }),
          ]
        : [];
    const data = { ...staged, ...genesis.founding, RESTORED_AT: genesis.restoredAt };
    return this.restorePhase("restore", {
      genesis,
      effect: `stops ${member.name} on ${member.host}, moves its data aside, and starts it in a new cluster with the data of the snapshot`,
      provisioners: [...upload, host.run("restore", data)],
      after,
    });
  }

  /**
   * Makes sure that the data of a restore are there, before anything is stopped on any host. Terraform may have recorded
   * a `restore` as done that was killed (ADR 8).
   *
   * @param restores The restores of all members; none if nothing is restored.
   */
  public ready(genesis: Genesis, restores: readonly RestorePhase[]): RestorePhase[] {
    const provisioners = [this.host.run("ready", genesis.founding)];
    return this.restorePhase("ready", { genesis, provisioners, after: restores });
  }

  /**
   * Starts the member, if it founds the cluster or is restored.
   *
   * @param after The stages of all members; in a restore, that the data of all of them are ready.
   */
  public bootstrap(genesis: Genesis, after: readonly (Stage | RestorePhase)[]): Bootstrap {
    const { host, staged } = this;
    return new Bootstrap(this, "bootstrap", { host, staged, genesis, after });
  }

  /**
   * Lets clients in to a restored member, if the program restores a snapshot.
   *
   * @param after All bootstraps, or what let the clients in to the previous member.
   * @returns What comes after: `after` itself, if nothing is restored.
   */
  public admit<T extends Bootstrap | RestorePhase>(
    genesis: Genesis,
    after: readonly T[],
  ): readonly (T | RestorePhase)[] {
    const { host, staged } = this;
    const provisioners = [host.run("admit", { ...staged, ...genesis.founding })];
    const admit = this.restorePhase("admit", { genesis, provisioners, after });
    return admit.length > 0 ? admit : after;
  }

  /**
   * Applies what is staged to the running member.
   *
   * @param after What must be complete before this member may be disturbed.
   * @param dismissal The id of what takes the member out of the cluster before its machine goes, if there is that.
   */
  public rollout(
    genesis: Genesis,
    after: readonly (Bootstrap | RestorePhase | Rollout)[],
    dismissal?: string,
  ): Rollout {
    const { host, staged } = this;
    const triggers = { ...this.rolloutTriggers, ...(dismissal !== undefined && { dismissal }) };
    return new Rollout(this, "rollout", { host, triggers, staged, genesis, after });
  }

  /** A phase of the restore; none if the program restores nothing. */
  private restorePhase(phase: string, props: Omit<RestorePhaseProps, "identity">): RestorePhase[] {
    const { restore: identity } = restoreTrigger(this.options.cluster);
    return identity === undefined ? [] : [new RestorePhase(this, phase, { ...props, identity })];
  }

  private describeHost(): MemberHost {
    const { path, cluster, member, scripts } = this.options;
    const facts = memberFacts(path, cluster, member, {
      archive: this.resourceAddressOf("archive"),
      stage: this.resourceAddressOf("stage"),
      rollout: this.resourceAddressOf("rollout"),
      bootstrap: this.resourceAddressOf("bootstrap"),
      restore: this.resourceAddressOf("restore"),
      admit: this.resourceAddressOf("admit"),
      offer: this.resourceAddressOf("offer", cluster.restore?.source.member),
    });
    return new MemberHost(member, new TerraformLocal(this, "facts", escapeTerraform(facts)).asString, scripts);
  }

  /**
   * The Terraform address of the resource of a phase of a member, which does not exist yet; empty if it is never
   * created.
   */
  private resourceAddressOf(phase: string, member = this.node.id): string {
    return Lazy.stringValue({
      produce: () => {
        const resource = this.node.scope?.node.tryFindChild(member)?.node.tryFindChild(phase);
        return TerraformResource.isTerraformResource(resource) ? resourceAddress(resource) : "";
      },
    });
  }

  private render(): RenderedMember {
    const { cluster, member, directory } = this.options;
    const flags = etcdFlags(cluster, member);
    const startupText = renderStartupScript(cluster, member, flags);
    const iniText = renderProgramIni(cluster, member);
    return {
      flags,
      startupScript: new RenderedFile(this, "startup-script", {
        path: `${directory}/${member.name}/etcd-server-startup.sh`,
        text: startupText,
        permission: "0755",
      }),
      supervisorIni: new RenderedFile(this, "supervisor-ini", {
        path: `${directory}/${member.name}/${cluster.supervisorIni}.ini`,
        text: iniText,
      }),
      startupSha256: textDigest(this, "startup-text", startupText),
      supervisorSha256: textDigest(this, "ini-text", iniText),
      restartSha256: textDigest(this, "restart-text", restartRelevant(startupText)),
    };
  }

  /** What a stage installs, and what makes it run again. */
  private payloadOf({ startupScript, supervisorIni, startupSha256, supervisorSha256 }: RenderedMember): Payload {
    const { cluster, member, certificate, ...options } = this.options;
    const sidePrograms = this.sidePrograms();
    return {
      caPem: options.caPem,
      authorityPem: options.authorityPem,
      certificatePem: certificate.certPem,
      privateKeyPem: certificate.privateKeyPem,
      secretArchiveUrl: secretArchiveUrl(cluster),
      startupScript,
      supervisorIni,
      etcdctlEnv: options.etcdctlEnv,
      sidePrograms,
      triggers: {
        // The host records the path, so that it knows which cluster its member belongs to.
        cluster: options.path,
        ...escapeValues(installTriggers(cluster, member)),
        ca_sha256: options.caSha256,
        certificate_sha256: certificate.certSha256,
        startup_script_sha256: startupSha256,
        supervisor_ini_sha256: supervisorSha256,
        etcdctl_env_sha256: options.etcdctlEnvSha256,
        ...Object.fromEntries(Object.entries(sidePrograms).map(([side, { sha256 }]) => [`${side}_sha256`, sha256])),
        ...provisionTriggers(member),
        ...restoreTrigger(cluster),
      },
    };
  }

  private sidePrograms(): { [side in Side]?: SideProgram } {
    const { path, cluster, member } = this.options;
    const { backups, defragmentation } = cluster;
    return {
      ...(backups && { backup: this.sideProgram("backup", renderBackupEnv(path, cluster, member, backups)) }),
      ...(defragmentation && {
        defragmentation: this.sideProgram(
          "defragmentation",
          renderDefragmentationEnv(path, cluster, member, defragmentation),
        ),
      }),
    };
  }

  private sideProgram(side: Side, env: string): SideProgram {
    const { cluster, member, directory } = this.options;
    return new SideProgram(this, side, { side, cluster, member, env, directory: `${directory}/${member.name}` });
  }

  /**
   * What makes the rollout run again: a key for each reason. The host restarts etcd only if something is staged, or if
   * a restart is still due (`needs_restart` in `scripts/lib/converge.sh`).
   */
  private rolloutTriggersOf({ flags, restartSha256, supervisorSha256 }: RenderedMember): { [name: string]: string } {
    const { cluster, member, certificate, caSha256 } = this.options;
    return {
      ...escapeValues(flagTriggers(flags)),
      version: cluster.version,
      ca_sha256: caSha256,
      // Without the list of members, because scaling restarts nobody.
      startup_script_sha256: restartSha256,
      supervisor_ini_sha256: supervisorSha256,
      ...provisionTriggers(member),
      ...(reloadsLeaf(cluster.version) ? {} : { certificate_sha256: certificate.certSha256 }),
      ...restoreTrigger(cluster),
    };
  }

  private pushArchive(genesis: Genesis, owner: string, after: ITerraformDependable[]): Archive[] {
    const { host, payload } = this;
    const archivePath = this.options.cluster.release._archivePath;
    if (archivePath === undefined) return [];
    const path = escapeTerraform(operatorPath(this, archivePath));
    return [new Archive(this, "archive", { host, payload, genesis, owner, path, after })];
  }
}

/** The texts of one member, and the digests by which a change of them is noticed. */
interface RenderedMember {
  readonly flags: EtcdFlag[];
  readonly startupScript: RenderedFile;
  readonly supervisorIni: RenderedFile;
  readonly startupSha256: string;
  readonly supervisorSha256: string;
  /** The digest of what a running etcd depends on. */
  readonly restartSha256: string;
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
    // With a name as address, this one may be what tells another machine.
    ...(member.listenAddress !== member.address && { listen_address: member.listenAddress }),
    install_root: cluster.installRoot,
    data_dir: cluster.dataDir,
    log_dir: cluster.logDir,
    supervisor_ini: cluster.supervisorIni,
    user: cluster.user,
  };
}

/** What the program changes if the member's host is another machine, or its data are gone. */
function provisionTriggers({ reprovision, machine }: MemberSettings): { [name: string]: string } {
  return { reprovision: String(reprovision), ...(machine !== undefined && { machine: escapeTerraform(machine) }) };
}

/** A restore runs everything again: the hosts may be new machines, with a state that knows the old ones. */
function restoreTrigger({ restore }: ClusterSettings): { restore?: string } {
  return restore === undefined ? {} : { restore: escapeTerraform(restoreIdentity(restore)) };
}

/** `quota-backend-bytes` → `flag.quota_backend_bytes`: the plan names the flag that forces a restart. */
function flagTriggers(flags: EtcdFlag[]): { [name: string]: string } {
  return Object.fromEntries(flags.map(([flag, value]) => [`flag.${flag.replace(/-/g, "_")}`, value]));
}
