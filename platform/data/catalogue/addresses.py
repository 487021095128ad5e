"""Where benchmarks can be downloaded from, with the sums of their files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Download:
    """Files below one address: path -> sha256. ``folder`` is the one of them that is read as a dataset."""

    address: str
    folder: str
    files: Mapping[str, str]


_DHNS = "https://raw.githubusercontent.com/ngl567/DHNS/02d8de0d321016798717fc1fce7c3b41f544eee5/benchmarks/"

#: Only files whose bytes were at hand when this was written: a sum must come from the file, not from the download.
DOWNLOADS = {
    "dbp15k-fr-en": Download(
        "https://raw.githubusercontent.com/lzxlin/MCLEA/6946d433a8bab2a1a7d8c88af046d74efa72f7b0/data/DBP15K/",
        "fr_en",
        {
            "fr_en/ent_ids_1": "8c5c96ba6ef3b3a7791f2ee33e0a779049e4fee36aac77c813814964a23b4401",
            "fr_en/ent_ids_2": "9e14e2ae75c45d18fc1fd310657dfd2b84925e625ceb89f96b7775f6218e042c",
            "fr_en/ill_ent_ids": "ba1c4b07e67ab2581d6ca11038e9f527b08666fe5bedad3a95cb7f61579a3c64",
            "fr_en/triples_1": "318c50b356055ccfdbb98d6733ecb8213b3f0ee8f2222cd9733e2d6ef04f5718",
            "fr_en/triples_2": "38508926b2e93dae9bb9b066e308cbb11545e62fa93239b574b53f496aeb2f1c",
            "translated_ent_name/dbp_fr_en.json": "9a76ccc43353f9e8e27c214d6fef401de866dbda751d39c176470adc5cce35c0",
        },
    ),
    "db15k": Download(
        _DHNS,
        "DB15K",
        {
            "DB15K/entity2id.txt": "8f8d070f1bb24d07ed3050e4e4e780cb7f2245d0b14db3346e8db4fa55981728",
            "DB15K/relation2id.txt": "25e5a975ee079dbd5b8d22ffe23575a9e3135d263e0a3763224777bf526c1a74",
            "DB15K/test2id.txt": "15f28535d04f3711b739a49d824f2346167384283cde57123376392d418ad6de",
            "DB15K/train2id.txt": "d41f9b9ab5c0e6eed393e0f93febb4258dc02e5e4a4e2a99c49410d167522804",
            "DB15K/valid2id.txt": "dc7ed39aa14e35a2f7ac09a0ff046067ee0e0d7953f8a204f04e7c09776095b1",
        },
    ),
    "mkg-y": Download(
        _DHNS,
        "MKG-Y",
        {
            "MKG-Y/entity2id.txt": "416f6f77c13d0cf0c5cae9625a62b9f7d26320c27ae408f5ce4e7eae3206b8d9",
            "MKG-Y/relation2id.txt": "78d468edc02688f742c9b5a1030a071789ab24784dd2e48897643fe108ff4e4d",
            "MKG-Y/test2id.txt": "8602cbbe7e3aef2c857df66eec5f7e4a2d6b02b19f58feff085688fb28980158",
            "MKG-Y/train2id.txt": "71310c2c274e5ba2ce550433ef5c8496920bd03f50fd6057e64fc9c34e1e1aac",
            "MKG-Y/valid2id.txt": "6c82db2d2b809aabf72f94bc19be3080b53ffba1caec12b81510354a7fe3470e",
        },
    ),
}
