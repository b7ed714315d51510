#!/bin/sh
# Makes throw-away certificates for the sandbox with openssl.
set -eu

usage() {
    cat <<'END'
make-certificates.sh DIR [KIND...]

Writes into DIR:
  ca.pem ca.key           an authority of its own
  server.pem server.key   for localhost, 127.0.0.1 and ::1, signed by it
and for each KIND the pair KIND.pem, KIND.key that a careful client must refuse:
  expired       of last year
  not-yet       of next year
  other-name    right authority, for another.example
  self-signed   by itself
  unknown-ca    by an authority that is not in ca.pem
  all           all of them
Files that exist are made again.
END
}

case ${1:-} in
    --help) usage; exit ;;
    '') usage >&2; exit 2 ;;
esac
dir=$1
shift
mkdir -p "$dir"
cd "$dir"
umask 077

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# authority NAME SUBJECT
authority() {
    new_key "$1.key"
    openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# leaf NAME AUTHORITY SUBJECT-ALTERNATIVE-NAMES START END
leaf() {
    new_key "$1.key"
    printf '%s\n' "[leaf]" "basicConstraints=critical,CA:FALSE" \
        "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" \
        "subjectAltName=$3" "[ca]" "database=$1.index" "new_certs_dir=." \
        "default_md=sha256" "policy=any" "rand_serial=yes" "unique_subject=no" \
        "[any]" "commonName=supplied" > "$1.cnf"
    : > "$1.index"
    openssl req -new -key "$1.key" -subj "/CN=sandbox $1" -out "$1.csr"
    openssl ca -batch -notext -config "$1.cnf" -name ca -extensions leaf -in "$1.csr" \
        -cert "$2.pem" -keyfile "$2.key" -startdate "$4" -enddate "$5" -out "$1.pem" 2> "$1.log" ||
        { cat "$1.log" >&2; exit 1; }
    rm -f "$1.cnf" "$1.csr" "$1.log" "$1.index"* ./[0-9A-F][0-9A-F][0-9A-F][0-9A-F]*.pem
}

stamp() { date -u -d "$1" +%Y%m%d%H%M%SZ; }

here=DNS:localhost,IP:127.0.0.1,IP:::1
yesterday=$(stamp '1 day ago')
far=$(stamp '10 years')

make_kind() {
    case $1 in
        expired) leaf expired ca "$here" "$(stamp '2 years ago')" "$(stamp '1 year ago')" ;;
        not-yet) leaf not-yet ca "$here" "$(stamp '1 year')" "$far" ;;
        other-name) leaf other-name ca DNS:another.example "$yesterday" "$far" ;;
        self-signed)
            new_key self-signed.key
            openssl req -x509 -new -key self-signed.key -sha256 -days 365 -subj /CN=localhost \
                -addext "subjectAltName=$here" -out self-signed.pem ;;
        unknown-ca)
            authority unknown 'Sandbox unknown CA'
            leaf unknown-ca unknown "$here" "$yesterday" "$far"
            rm -f unknown.key unknown.pem ;;
        all)
            for kind in expired not-yet other-name self-signed unknown-ca; do
                make_kind $kind
            done ;;
        *) usage >&2; exit 2 ;;
    esac
}

authority ca 'Sandbox throw-away CA'
leaf server ca "$here" "$yesterday" "$far"
chmod 644 ca.pem  # for others to trust: a daemon that is another user
for kind in "$@"; do
    make_kind "$kind"
done
