//! Keys that must not be taken: one of 1,024 bits, made for these tests and worth nothing, and one
//! of another kind.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pem::Pem;

use crate::rig::Pair;

/// The library does not make keys this short, so this one is kept: PKCS#8 in base64.
const SHORT_PRIVATE: &str = "\
    MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAKwREwBcqpBJ0O2Z9vdhL2Fh4fr1CTRwhRj/oLDMX2\
    jY0FHeif0XNuYrFRNdyZRFEs80RQrygAtmG7Qox5IElDHe8gNkQWN4LTCfo/qjACTgcQt/crx1E6VSve1o0Qphulur\
    xxi2zRiW4dHt1L+eGsOkWgz4MoEiWYuH5hQsPX+fAgMBAAECgYBfjqvqy4u9zgDFs3fAMqzJfD6vzF1sTgDcvTpUdW\
    uXIrGuhdRERhwq/0oZE0DbovCrOfAOAFaz/eTszKjoorpZfrfVRIF0Jw9EjMONDwEpmQb4vkvF3wtMK7og8Jsx5YaE\
    KPjQuKO4UWiIUEsO2btKgpV4/q7/8up8R/y9i/h1oQJBANZlZCl1W6VK03ARss+IX3ITcz/UGrYoCmzKKLD+BAlOoA\
    LNVmSLKWpl+aYRt2+ex6h3biDXqq/4d4E/c/8sAtsCQQDNdOBNrz5uG9/mj3t98zkign7OO21BF7K1EMyMaT90TLdq\
    T+yurYP/8K1eYwNr1OObGeFoTmIt/n+8wuP57teNAkEAs9B5/2OUp79oMphFdlYUZyL1CFWmyZwvkirDkh6Z2Ax/m5\
    oImW82HyzEA4rcZNuw7RSt4xG+8LPd1yMW8K9C/QJBAKm0kZX5W5LtuVqjR7j4T0g/C+jjU1JB9d3zu1F7metBdvr8\
    e56pOnAM59cf5/KIzVwO244huJ0PK4nKXS7T5v0CQQC4r7nElt7wkBvmwa/gufHvYl6LewgvgoCesik/SYKdrXalAD\
    WyPkREDaqKOpnYZtwYdi7rwkjFeAUtwM4Bdcyp";

const SHORT_PUBLIC: &str = "\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCsERMAXKqQSdDtmfb3YS9hYeH69Qk0cIUY/6CwzF9o2NBR3on9Fz\
    bmKxUTXcmURRLPNEUK8oALZhu0KMeSBJQx3vIDZEFjeC0wn6P6owAk4HELf3K8dROlUr3taNEKYbpbq8cYts0YluHR\
    7dS/nhrDpFoM+DKBIlmLh+YULD1/nwIDAQAB";

pub(crate) fn short() -> Pair {
    let text = |tag, body| pem::encode(&Pem::new(tag, STANDARD.decode(body).unwrap()));
    Pair { private: text("PRIVATE KEY", SHORT_PRIVATE), public: text("PUBLIC KEY", SHORT_PUBLIC) }
}

pub(crate) fn curve() -> Pair {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    Pair {
        private: pem::encode(&Pem::new("PRIVATE KEY", private.as_ref())),
        public: pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())),
    }
}
