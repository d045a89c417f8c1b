import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let made: { key: string; certificate: string; fingerprint: string } | undefined;

/** A key and a self-signed certificate for 127.0.0.1. */
export function makeCertificate() {
  if (made !== undefined) return made;
  const folder = mkdtempSync(join(tmpdir(), "fake-pve-"));
  try {
    const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pve -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`.split(
        " ",
      ),
      { stdio: "pipe" },
    );
    const text = readFileSync(certificate, "utf8");
    made = {
      key: readFileSync(key, "utf8"),
      certificate: text,
      fingerprint: new X509Certificate(text).fingerprint256,
    };
    return made;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
