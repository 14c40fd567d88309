//! A private certificate authority, as a company or a cloud has one.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// An authority that signs servers' certificates.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and its key, in files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM of the certificate.
    pub certificate: PathBuf,
    /// PEM of the key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key is made");
        let certificate = params.self_signed(&key).expect("it signs itself").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server under these names, written to `folder`; it replaces an earlier one.
    pub fn issue(&self, names: &[&str], folder: &Path) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names of hosts");
        let key = KeyPair::generate().expect("a key is made");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        let identity = Identity { certificate: folder.join("server.crt"), key: folder.join("server.key") };
        std::fs::write(&identity.certificate, certificate.pem()).expect("the folder can be written");
        std::fs::write(&identity.key, key.serialize_pem()).expect("the folder can be written");
        identity
    }
}
