import { describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { type TlsFiles, tlsCredentials } from "./credentials.ts";

// Made by OpenSSL: CERTIFICATE is valid from 2020 to 2119, EXPIRED in 2000, and FUTURE from 2090.
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIUAgyO0ahM6X9lvK1YzgaOvYIerEEwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFdmFsaWQwIBcNMjAwMTAxMDAwMDAwWhgPMjExOTEyMDgwMDAw
MDBaMBAxDjAMBgNVBAMMBXZhbGlkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
RXCI8sqDR7GTxYKy74D5wJQtVp7mz8Z/k2snXP9xZfXuUyeu5IFQgqGIOEael5w6
vpYhlJGy7zWjKyz+LGRcuaNTMFEwHQYDVR0OBBYEFKkcFxxnRolJK7iZeE4vGnSo
lFW6MB8GA1UdIwQYMBaAFKkcFxxnRolJK7iZeE4vGnSolFW6MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANiEXpw1kv9HIjyFrMyQZNA8sT72WNBC
CRfv9K41/EmcAiEAmn/Vr7h3l4IeB9t/2jLy3wc+7oC/KrGbM6r8mlpFzYo=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKfhQyyqi64R23bS4
hX16svCGbYiT/pkkyXfTjY2UUWWhRANCAARFcIjyyoNHsZPFgrLvgPnAlC1WnubP
xn+Taydc/3Fl9e5TJ67kgVCCoYg4Rp6XnDq+liGUkbLvNaMrLP4sZFy5
-----END PRIVATE KEY-----
`;
const OTHER_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDZc+F8Q1BBleNxvD
t8gv13PiNhDfO3+QrVGCp1G/VfyhRANCAARh4JNlkh+QwDWR4SLaTFPwD+pjST9g
0MLlILufyEbZM0hcK6Kp7qcjWc8olJz5/YygbA+bck00Wmn2PL4bdBYR
-----END PRIVATE KEY-----
`;
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUWbbDwDA+mQYqD1SoVtlhFqdwqcQwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEcGFzdDAeFw0wMDAxMDEwMDAwMDBaFw0wMDEyMzEwMDAwMDBa
MA8xDTALBgNVBAMMBHBhc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARh4JNl
kh+QwDWR4SLaTFPwD+pjST9g0MLlILufyEbZM0hcK6Kp7qcjWc8olJz5/YygbA+b
ck00Wmn2PL4bdBYRo1MwUTAdBgNVHQ4EFgQUxr005TPFWo7tMyFGWSd3f+Sia8Ew
HwYDVR0jBBgwFoAUxr005TPFWo7tMyFGWSd3f+Sia8EwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiEAwdJ82xsZ++o3mKE2kp2enSJaXxn8X20CAffc
v8th0dcCICC0Tm67gqeFq9IgCNuHA2K5wl/MrusD3iAgBdd3t0HI
-----END CERTIFICATE-----
`;
const FUTURE = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUTMewSK/Ied2IBnLTHK/H0YONwzAwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGZnV0dXJlMCIYDzIwOTAwMTAxMDAwMDAwWhgPMjA5OTEyMzAw
MDAwMDBaMBExDzANBgNVBAMMBmZ1dHVyZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABHsk2QwMNuVcuWfyMZ2TKuKgcRSZk68Bt1o8C7qmysrx2Q1A3Fa/82qmXSwJ
YGlT8tmbxQUYb8C6PBKqaOLpLrijUzBRMB0GA1UdDgQWBBRldHTRQ+RuGB9sgiPV
zu29MMi9SzAfBgNVHSMEGDAWgBRldHTRQ+RuGB9sgiPVzu29MMi9SzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCRcTb1iYQmArJWpjDyxt1G0gtw
PFeNIq8EvxKfQOWXXwIgO/Bru39oAlEcRuIirAAKv4te9YmYxcOoZhuM4rVPcyc=
-----END CERTIFICATE-----
`;

const FILES: TlsFiles = { caCertificate: CERTIFICATE, clientCertificate: CERTIFICATE, clientKey: KEY };

describe("the credentials for mutual TLS", () => {
  it.each(["boot.example.org:8443", "localhost:1"])("check the name in the address %s", (address) => {
    expect(tlsCredentials(address, FILES).options).toEqual({});
  });

  it.each(["10.0.0.1:8443", "[fd00::1]:8443"])(
    "ask for no server name at the IP address in %s",
    (address) => {
      expect(tlsCredentials(address, FILES).options).toEqual({
        "grpc.ssl_target_name_override": "nixops4-boot-server",
      });
    },
  );

  const refusal = (files: Partial<TlsFiles>, address = "10.0.0.1:8443") => {
    try {
      tlsCredentials(address, { ...FILES, ...files });
      return "accepted";
    } catch (error) {
      return describeError(error);
    }
  };
  const EXPIRED_ERROR =
    "the certificate expired on Dec 31 00:00:00 2000 GMT\n" +
    "Create a new one with `nixops4-boot-server init-tls --renew`, or a new CA in another folder.";
  const FUTURE_ERROR =
    "the certificate is valid only from Jan  1 00:00:00 2090 GMT\nCheck the clock of this machine.";

  it.each([
    ["an expired CA", { caCertificate: EXPIRED }, `caCertificate: ${EXPIRED_ERROR}`],
    ["an expired client certificate", { clientCertificate: EXPIRED }, `clientCertificate: ${EXPIRED_ERROR}`],
    ["a CA of the future", { caCertificate: FUTURE }, `caCertificate: ${FUTURE_ERROR}`],
    [
      "the key of another certificate",
      { clientKey: OTHER_KEY },
      "clientKey: the key does not belong to the client certificate",
    ],
    [
      "a certificate for a key",
      { clientKey: CERTIFICATE },
      "clientKey: not a private key in PEM format, or one with a passphrase",
    ],
  ])("refuse %s", (_, files, error) => {
    expect(refusal(files)).toBe(error);
  });

  it("refuse a text that is no certificate", () => {
    expect(refusal({ caCertificate: "no certificate" })).toContain(
      "caCertificate: not a certificate in PEM format",
    );
  });

  it.each(["boot.example.org", "10.0.0.1", "[fd00::1]", "fd00::1:8443", ":8443", "a/b:1", ""])(
    "refuse the address %j",
    (address) => {
      expect(refusal({}, address)).toBe(
        `address: "${address}" is not a host and a port\n` +
          "Write it as boot.example.org:8443, 10.0.0.1:8443 or [fd00::1]:8443.",
      );
    },
  );
});
