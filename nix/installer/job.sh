# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts of the installer share their variables.
# Reads the job from the overlay of the network boot.

job() {
  jq --raw-output "$1" "$JOB/install.json"
}

# Removes the contents of files in the job that only root may read from the output of the steps.
read_secrets() {
  local file value
  while IFS= read -r -d '' file; do
    while IFS= read -r value || [[ -n $value ]]; do
      if [[ ${#value} -ge $MIN_SECRET && $value != -----* ]]; then SECRETS+=("$value"); fi
    done <"$file"
  done < <(find "$JOB" -type f ! -name install.json ! -name token ! -perm /077 -print0)
}

# Prints a line for each mistake.
job_violations() {
  local file=$JOB/install.json name
  for name in "$HOST_KEY" "$HOST_KEY.pub"; do
    [[ -s $JOB/$name ]] || echo "$name: is missing"
  done
  if [[ ! -f $file ]]; then
    echo "install.json: is missing"
  elif ! jq --exit-status --slurp 'length == 1' "$file" >/dev/null 2>&1; then
    echo "install.json: is not JSON"
  else
    # \A and \z, as ^ and $ match at each line.
    jq --raw-output '
      def must(path; ok; what): if ok then empty else "\(path): must be \(what)" end;
      def unknown(prefix; known): if type == "object" then (keys - known)[] | "\(prefix)\(.): unknown field" else empty end;
      def matches(regex): type == "string" and test("\\A(" + regex + ")\\z");
      def bytes: . == null or (type == "number" and . >= 0 and . == floor);
      def path: "(/[0-9A-Za-z+_=-][0-9A-Za-z+._=-]*)+";
      def store_path: "/nix/store/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+";

      if type != "object" then "install.json: must be an object" else
        unknown(""; ["version", "hostName", "system", "diskoScript", "substituters", "disks", "rootMount", "hostKeyPath"]),
        must("version"; .version == 2; "2"),
        must("hostName"; .hostName | matches("[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"); "a host name"),
        must("system"; .system | matches(store_path); "a store path"),
        must("diskoScript"; .diskoScript | matches(store_path + "(/[0-9A-Za-z+_=-][0-9A-Za-z+._=-]*)*");
          "a store path, or a file in one"),
        must("substituters"; .substituters | type == "array" and length > 0; "a list of at least one"),
        (.substituters | arrays | to_entries[] | "substituters.\(.key)" as $path | .value |
          must($path; type == "object"; "an object"),
          unknown("\($path)."; ["url", "publicKey"]),
          # A query in the URL could disable the check of signatures.
          must("\($path).url"; objects | .url | matches("https?://[^\\s?#@\"\\\\]+"); "an http or https URL without query"),
          must("\($path).publicKey"; objects | .publicKey | matches("[^\\s:]+:[A-Za-z0-9+/]{43}="); "a key name and a key")),
        must("disks"; .disks | type == "array" and length > 0; "a list of at least one"),
        must("disks"; [.disks | arrays | .[] | objects | .name] | length == (unique | length);
          "a list in which no name is there twice"),
        (.disks | arrays | to_entries[] | "disks.\(.key)" as $path | .value |
          must($path; type == "object"; "an object"),
          (objects |
            unknown("\($path)."; ["name", "byId", "serial", "path", "minBytes", "maxBytes", "allowWipe"]),
            must("\($path).name"; .name | matches("[^[:cntrl:]]{1,64}"); "a name"),
            must("\($path).byId"; .byId | . == null or matches("(/dev/disk/by-id/)?[^/\\s]+"); "a name in /dev/disk/by-id"),
            must("\($path).serial"; .serial | . == null or (type == "string" and test("\\S")); "a serial number"),
            must("\($path).path"; .path | . == null or matches("/dev/[^\\s]+"); "a path in /dev"),
            must("\($path).minBytes"; .minBytes | bytes; "a number of bytes"),
            must("\($path).maxBytes"; .maxBytes | bytes; "a number of bytes"),
            must("\($path).maxBytes"; (.minBytes | type) != "number" or (.maxBytes | type) != "number" or .minBytes <= .maxBytes;
              "at least minBytes"),
            must($path; [.byId, .serial, .path, .minBytes, .maxBytes] | any(. != null);
              "told by at least one of byId, serial, path, minBytes, maxBytes"),
            must("\($path).allowWipe"; .allowWipe | type == "boolean"; "true or false"))),
        must("rootMount"; .rootMount | matches(path); "an absolute path"),
        must("hostKeyPath"; .hostKeyPath | matches(path); "an absolute path")
      end' "$file"
  fi
}
