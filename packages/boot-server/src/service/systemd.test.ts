import { expect, it } from "@jest/globals";
import { takeHandedSockets } from "./systemd.ts";

it("takes the sockets by name, once", () => {
  const env = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "grpc:tftp" };
  expect(takeHandedSockets(env, 7)).toEqual({ grpc: 3, tftp: 4 });
  expect(env).toEqual({});
  expect(takeHandedSockets(env, 7)).toEqual({});
});

it("leaves alone what is for another process", () => {
  expect(takeHandedSockets({ LISTEN_PID: "8", LISTEN_FDS: "1", LISTEN_FDNAMES: "tftp" }, 7)).toEqual({});
});

it("says what a socket has to be called", () => {
  const env = { LISTEN_PID: "7", LISTEN_FDS: "1", LISTEN_FDNAMES: "nixops4-boot-server.socket" };
  expect(() => takeHandedSockets(env, 7)).toThrow("FileDescriptorName=");
});
