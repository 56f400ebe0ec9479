/** What a line of an introduction can be about. `other` = a label that is none of our business, such as a birthday. */
export type Field = 'name' | 'organization' | 'invitedBy' | 'email' | 'interests' | 'linkedin' | 'signal' | 'phone' | 'other'

/** Words of labels, in the languages that people have used. */
export const keywords: Readonly<Record<Field, string>> = {
  invitedBy:
    'invited inviter invitor invite invitee invites invitation referred refered referrer referral vouch vouched voucher vouches sponsor introduced recommended told heard hear ' +
    'eingeladen einlader empfohlen invitado invitada invito invitato invitata parrain convidado convidada convidou convidaram пригласил пригласила пригласили приглашен рекомендовал запросил запросила запросив запросили ' +
    'uitgenodigd inbjuden inviteret invitert kutsui zaproszony zaproszona zaprosil zaprosił zaprosiła davet pozvan pozval pozvala pozvany pozvana pozvao diundang pengundang invitat invitata meghivo meghivott meghivta kutsuja invitatie nguoi moi προσκληση προσκληθηκα καλεσε ' +
    'הזמין המדעו המזמין הוזמנתי المدعو دعاك دعاني دعوة الدعوة 邀请人 邀請人 邀请 推荐人 介绍人 招待者 紹介者 초대 초대자 초대한 추천인',
  linkedin: 'linkedin linked 领英',
  signal: 'signal',
  email:
    'email emails mail emailadresse mailadresse correo courriel mel alias posta eposta epost sahkoposti surel ηλεκτρονικο poczta почта пошта имейл мейл емейл имеил מייל אימייל דואל البريد بريد ايميل الايميل ' +
    '邮箱 邮件 电子邮件 电子邮箱 電子郵件 メール メールアドレス 이메일 메일',
  phone:
    'phone telephone tel mobile cell telefon handy telefono telefone portable cellphone телефон whatsapp טלפון هاتف الهاتف 电话 手机 電話 전화 전화번호',
  interests:
    'interest interests interested interesting likes loves into things stuff hobby hobbies topics topic skills expertise passions passion interesse interessen interessiert interessieren interet interesses ' +
    'intereses interessi interets hobbys themen zainteresowania intressen interesser ilgi ilgiler kiinnostukset harrastukset minat hobi interese erdeklodes erdeklodesi zajmy konicky interesovanja hobbyer thich ενδιαφεροντα χομπι интересы интересует увлечения хобби интереси інтереси захоплення תחומי עניין اهتمامات الاهتمامات اهتماماتي ' +
    '兴趣 興趣 爱好 兴趣爱好 興味 趣味 관심사 관심 취미',
  organization:
    'org organization organisation organizacion organizacao organizzazione organisatie organizacja organizasyon company employer affiliation affiliated institution institute institucion university ' +
    'uni school college workplace work works working team firma arbeitgeber verein empresa entreprise azienda bedrijf foretag societe kurum sirket organisasi perusahaan organizatie organizatia szervezet ceg spolecnost organizace organizacija organisaatio yritys virksomhed chuc οργανισμος εταιρεια организация компания работа ' +
    'організація компанія ארגון חברה منظمة المنظمة الشركة شركة المؤسسة 组织 組織 单位 公司 机构 学校 所属 会社 소속 회사 단체',
  name:
    'name names named nickname surname lastname firstname fullname vorname nachname familienname nombre nom prenom nome naam namn navn nimi imie nazwisko ad adi adim isim soyad nama nume nev jmeno prijmeni ime prezime ten ονομα ονοματεπωνυμο имя імя ім фио фамилия ' +
    'apellido apellidos שם الاسم اسم اسمي 姓名 名字 名称 名前 氏名 お名前 이름 성명 성함',
  other:
    'location city country pronouns bio about birthday age timezone language languages github gitlab website homepage twitter mastodon matrix telegram role title job ' +
    'position profession occupation expectations motivation why reason experience comment comments note notes mxid discord instagram facebook',
}

/** Words that may stand beside them. */
export const fillers: ReadonlySet<string> = new Set(
  (
    'my your the a an of if any or and it is are was were you me i who whom what how do does did please optional here full real first last middle preferred ' +
    'given family display legal required address adress adresse profile url link handle username user number no nr id account separated by commas comma list with for to in on at from ' +
    'like person people this their his her s us best contact where which would prefer main some areas area field fields research current ' +
    'mon mes mis meus minha meine mijn min mitt miei mia mio quem qui m j ma deine dein deinen ihre ihr von wer hat dich der die das und oder was mich por quien quem et te ti tu su par qui a vous e ton votre d de da do di la le les el en centres door av przez mi que ' +
    'кто хто вас тебя тебе вам меня ваше ваша мое мои моя ваши что вы від electronico elettronica electronique эл электронная электронный електронна адрес адреса profil профиль я ' +
    'eden alanlari alanları soyadi soyadı av af oleh od catre ho va to cong ty so nguoi lengkap και από με ταχυδρομείο על ידי قبل من الالكتروني إلكتروني الإلكتروني עם מי 사람 地址'
  )
    .split(' ')
    .map((word) => foldWord(word)),
)

/** Without case and accents. */
export function foldWord(word: string): string {
  return word
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
    .toLowerCase()
}

/** Labels of the form that people mistype. */
const mistyped = 'name organization organisation company invited inviter email interest interests linkedin hobbies'.split(' ')

/** Is `typed` `meant` with two signs exchanged, one too many or one too few; in a long word also with another one? */
const isSlip = (typed: string, meant: string): boolean => {
  const longer = typed.length > meant.length ? typed : meant
  const shorter = longer === typed ? meant : typed
  let at = 0
  while (at < shorter.length && typed[at] === meant[at]) at += 1
  if (longer.length - shorter.length === 1) return longer.slice(at + 1) === shorter.slice(at)
  if (longer.length !== shorter.length) return false
  if (typed[at] === meant[at + 1] && typed[at + 1] === meant[at]) return typed.slice(at + 2) === meant.slice(at + 2)
  return meant.length >= 7 && typed.slice(at + 1) === meant.slice(at + 1)
}

/** The word of a label that a slip of the finger was meant to be: "Emial", "Organizaton". undefined = none. */
export const withoutSlip = (typed: string): string | undefined =>
  typed.length < 4 ? undefined : mistyped.find((meant) => isSlip(typed, meant))
