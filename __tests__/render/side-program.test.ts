import { renderBackupEnv, renderDefragmentationEnv, renderSideIni } from "../../src/render/side-program";
import { BackupRetention, EtcdBackups, EtcdDefragmentation } from "../../src/settings";
import { runbookWith } from "../support/settings";

function env(backups: EtcdBackups): string {
  const cluster = runbookWith({ backups });
  return cluster.backups ? renderBackupEnv("stack/etcd", cluster, cluster.members[0], cluster.backups) : "";
}

test("the settings of a backup program have exactly this text", () => {
  const backups = EtcdBackups.onHosts({
    every: "90m",
    keep: BackupRetention.last(5),
    directory: "/backup",
    maxBytes: 1_000_000_000,
    afterEach: { command: `scp "$ETCD_BACKUP_FILE" it's:`, timeout: "5m" },
    textfileDirectory: "/var/lib/prometheus/node-exporter",
  });
  expect(env(backups)).toBe(`CLUSTER='stack/etcd'
MEMBER='etcd-server-7-12'
HOST='hdss7-12'
PEER_URL='https://10.4.7.12:2380'
CLIENT_URL='https://10.4.7.12:2379'
INSTALL_ROOT='/opt'
DATA_DIR='/data/etcd/etcd-server'
ETCD_USER='etcd'
BACKUP_DIR='/backup'
BACKUP_LOG='/data/logs/etcd-server/etcd-backup.log'
BACKUP_SECONDS='5400'
BACKUP_MAX_BYTES='1000000000'
KEEP_LAST='5'
KEEP_ALL_HOURS='0'
KEEP_HOURLY='0'
KEEP_DAILY='0'
KEEP_WEEKLY='0'
AFTER_EACH='scp "$ETCD_BACKUP_FILE" it'\\''s:'
AFTER_EACH_SECONDS='300'
TEXTFILE_DIR='/var/lib/prometheus/node-exporter'
`);
});

test("the defaults are one backup an hour, kept by age, beside the data directory", () => {
  expect(env(EtcdBackups.onHosts()).split("\n").slice(8, -1)).toEqual([
    "BACKUP_DIR='/data/etcd/etcd-server-backups'",
    "BACKUP_LOG='/data/logs/etcd-server/etcd-backup.log'",
    "BACKUP_SECONDS='3600'",
    "BACKUP_MAX_BYTES=''",
    "KEEP_LAST=''",
    "KEEP_ALL_HOURS='1'",
    "KEEP_HOURLY='24'",
    "KEEP_DAILY='7'",
    "KEEP_WEEKLY='4'",
    "AFTER_EACH=''",
    "AFTER_EACH_SECONDS='900'",
    "TEXTFILE_DIR=''",
  ]);
});

test("the supervisor program of the backups has exactly this text", () => {
  expect(renderSideIni({ logDir: "/data/logs/etcd-server" }, { name: "etcd-server-7-12" }, "backup")).toBe(
    `[program:etcd-server-7-12-backup]
command=/bin/sh /var/lib/cdktf-etcd/etcd-server-7-12/backup run
directory=/
user=root
autostart=true
autorestart=true
startsecs=1
startretries=1000000
stopsignal=INT
stopasgroup=true
killasgroup=true
stopwaitsecs=10
redirect_stderr=true
stdout_logfile=/data/logs/etcd-server/etcd-backup.log
stdout_logfile_maxbytes=8MB
stdout_logfile_backups=2
`,
  );
});

test("the settings of a defragmentation program have exactly this text", () => {
  const cluster = runbookWith({ defragmentation: EtcdDefragmentation.onHosts({ window: "01:00-04:30" }) });
  const { defragmentation } = cluster;
  expect(defragmentation && renderDefragmentationEnv("stack/etcd", cluster, cluster.members[0], defragmentation))
    .toBe(`CLUSTER='stack/etcd'
MEMBER='etcd-server-7-12'
HOST='hdss7-12'
PEER_URL='https://10.4.7.12:2380'
CLIENT_URL='https://10.4.7.12:2379'
INSTALL_ROOT='/opt'
DATA_DIR='/data/etcd/etcd-server'
ETCD_USER='etcd'
MIN_FREE_BYTES='104857600'
MIN_FREE_PERCENT='45'
WINDOW='01:00-04:30'
`);
});
