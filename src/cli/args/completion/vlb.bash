# Completion of vlb for bash: source <(vlb completion bash)

_vlb() {
  local word glue='' kind='' prefix='' cut=() line candidate
  COMPREPLY=()

  # bash parts words at = and :, as in --last=20_app: put them together again, up to the one with the cursor.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ ${#cut[@]} -gt 0 && ($word == [=:] || -n $glue) ]]; then
      cut[${#cut[@]} - 1]+=$word
    else
      cut+=("$word")
    fi
    if [[ $word == [=:] ]]; then glue=1; else glue=''; fi
  done

  # Where bash does not part them, what it puts in place is the whole word.
  word=${cut[${#cut[@]} - 1]}
  [[ $word == --*=* && $COMP_WORDBREAKS != *=* ]] && prefix=${word%%=*}=

  # Each line is a word and, behind a tab, what it means; the first may say what bash itself should complete.
  while IFS= read -r line; do
    candidate=${line%%$'\t'*}
    case $candidate in
      :*) kind=$candidate ;;
      ?*) COMPREPLY+=("$prefix$candidate") ;;
    esac
  done < <("${1/#\~/$HOME}" __complete "${cut[@]}" 2>/dev/null)

  case $kind in
    :files) compopt -o default ;;
    :directories) compopt -o dirnames ;;
  esac
}

complete -F _vlb vlb
