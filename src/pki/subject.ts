import { escapeTerraform } from "../render/terraform-escape";

/** The subject of a certificate, in the form that the tls provider expects. */
export function subject(commonName: string, organization?: string): { commonName: string; organization?: string }[] {
  return [
    {
      commonName: escapeTerraform(commonName),
      organization: organization === undefined ? undefined : escapeTerraform(organization),
    },
  ];
}
