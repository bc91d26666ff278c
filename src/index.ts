export { EtcdCluster } from "./etcd-cluster";
export {
  CertificateAuthority,
  type CertificateAuthorityPem,
  type CertificateAuthorityProps,
} from "./pki/certificate-authority";
export { CertificateProfile } from "./pki/certificate-profile";
export { KeyType } from "./pki/key-type";
export { LeafCertificate, type LeafCertificateOptions, type LeafCertificateProps } from "./pki/leaf-certificate";
export * from "./props";
export * from "./release/etcd-release";
export { EtcdUpgrade, type UpgradeVerdict } from "./release/upgrade";
