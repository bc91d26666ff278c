import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

/*
 * The layers of the package. A file may import only from the layers to the right of its own (ARCHITECTURE.md):
 *   main, examples → index → etcd-cluster → etcd-member, validation → pki, provision → topology, release, render
 * Every layer may import settings; pki and provision may also import the files of validation that hold no rule on a cluster.
 */
const above = {
  cluster: {
    regex: "^\\.\\.?/(?:\\.\\./)*(?:index|etcd-cluster)$",
    message: "Only src/index.ts and programs that use the package may import this.",
  },
  member: {
    regex: "^\\.\\.?/(?:\\.\\./)*(?:etcd-member|validation(?:/(?!(?:certificate-fields|formats|problem|types)$).*)?)$",
    message: "This belongs to a higher layer: pass what is needed as an argument.",
  },
  pki: {
    regex: "/pki(?:/|$)",
    message: "provision and the pure layers must not import pki: pass PEM text or a digest.",
  },
  provision: { regex: "/provision(?:/|$)", message: "pki and the pure layers must not import provision." },
};
const packages = {
  cdk: {
    regex: "^(?:cdktf|constructs)(?:/|$)",
    message: "This layer is pure: text in, text out. Keep constructs in pki or provision.",
  },
  tls: { regex: "^@cdktf/provider-tls(?:/|$)", message: "The tls provider is used in src/pki only." },
  host: {
    regex: "^@cdktf/provider-(?:null|local)(?:/|$)",
    message: "The null and local providers are used in src/provision only.",
  },
};

/** The rule for one layer: its files, and what they must not import. */
const layer = (files, patterns, options = {}) => ({
  files,
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      { patterns: patterns.map((pattern) => ({ ...pattern, ...options })) },
    ],
  },
});

export default tseslint.config(
  { ignores: ["**/node_modules", "lib", "dist", "coverage", "**/cdktf.out", "**/*.generated.ts"] },
  eslint.configs.recommended,
  tseslint.configs.recommended,
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: {
        __dirname: "readonly",
        console: "readonly",
        module: "readonly",
        process: "readonly",
        require: "readonly",
        URL: "readonly",
      },
    },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  layer(["src/*.ts"], [packages.tls, packages.host]),
  layer(["src/etcd-member.ts"], [above.cluster, packages.tls, packages.host]),
  layer(["src/validation/**"], [above.cluster, above.member, packages.tls, packages.host]),
  layer(["src/pki/**"], [above.cluster, above.member, above.provision, packages.host]),
  layer(["src/provision/**"], [above.cluster, above.member, above.pki, packages.tls]),
  layer(
    ["src/{topology,release,render}/**"],
    [above.cluster, above.member, above.pki, above.provision, packages.cdk, packages.tls, packages.host],
  ),
  // The public props name constructs and classes of higher layers as types; no code of those layers runs here.
  layer(
    ["src/settings/**"],
    [above.cluster, above.member, above.pki, above.provision, packages.cdk, packages.tls, packages.host],
    { allowTypeImports: true },
  ),
);
